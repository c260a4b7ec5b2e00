import { isHandshakeRefused } from "./connection-errors.ts";
import { readTlsSettings, type TlsFiles, type TlsSettings } from "./tls.ts";

/** Which of its client certificates each host takes: fetch cannot choose by what a server asks for, as Go does. */
export class ClientPairs {
  readonly #chosen = new Map<TlsFiles, number>();
  readonly #settings = new Map<TlsFiles, Promise<TlsSettings>[]>();

  /** Sends with one pair after the other until the server does not refuse it, and remembers which that was. */
  async send<T>(files: TlsFiles, send: (settings: TlsSettings) => Promise<T>): Promise<T> {
    for (;;) {
      const pairAt = this.#chosen.get(files) ?? 0;
      try {
        return await send(await this.#read(files, pairAt));
      } catch (error) {
        if (!isHandshakeRefused(error)) throw error;
        const isAnotherChosen = (this.#chosen.get(files) ?? 0) !== pairAt;
        if (isAnotherChosen) continue;
        if (pairAt + 1 >= files.clientPairs.length) throw error;
        this.#chosen.set(files, pairAt + 1);
      }
    }
  }

  #read(files: TlsFiles, pairAt: number): Promise<TlsSettings> {
    const known = this.#settings.get(files) ?? [];
    this.#settings.set(files, known);
    known[pairAt] ??= readTlsSettings(files, pairAt);
    return known[pairAt];
  }
}
