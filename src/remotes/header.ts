const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what no header may hold
const FORBIDDEN = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Whether that can be sent as a header: RFC 9110, 5.1 and 5.5. */
export const isHeader = (name: string, value: string): boolean => NAME.test(name) && !FORBIDDEN.test(value);
