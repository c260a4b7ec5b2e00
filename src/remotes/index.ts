export type { CredentialSource, Credentials, RemoteOptions } from "./options.ts";
export { openResolver } from "./resolver.ts";
