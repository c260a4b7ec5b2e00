const KIND = /^[A-Za-z]([\w.-]*[A-Za-z0-9])?\/[A-Za-z]([\w-]*[A-Za-z0-9])?$/;
const NAME = /^[A-Za-z0-9]([\w.:-]*[A-Za-z0-9])?$/;

/** Whether it is a device's qualified name, `vendor/class=name` (CDI specification, "Kind"); never a path from `/`. */
export function isCdiName(text: string): boolean {
  const equals = text.indexOf("=");
  return equals > 0 && KIND.test(text.slice(0, equals)) && NAME.test(text.slice(equals + 1));
}
