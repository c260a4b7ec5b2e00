import { ftruncateSync, writeSync } from "node:fs";
import { asSysError } from "../../sys/errno.ts";
import { nameText } from "../../sys/libc.ts";
import { closeFd, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, openAt } from "../../sys/open.ts";
import type { TarHeader } from "../../tar/header.ts";
import { setAttributesFd } from "../attributes.ts";
import { asName } from "../byte-path.ts";
import type { Place } from "../unpacking.ts";

const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;

/** A file being written. What no write covers stays a hole. */
export class FileInTheMaking {
  readonly #fd: number;
  readonly #header: TarHeader;
  readonly #path: string;
  #endOffset = 0;

  /** Throws EEXIST when the name is taken. Unreadable to others until it is whole. */
  constructor(place: Place, header: TarHeader) {
    this.#fd = openAt(place.directory.fd, place.name, CREATE, 0o600);
    this.#header = header;
    this.#path = place.path;
  }

  write(bytes: Uint8Array, offset: number): void {
    try {
      for (let done = 0; done < bytes.length; ) {
        done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
      }
    } catch (error) {
      throw asSysError(error, nameText(asName(this.#path)));
    }
    this.#endOffset = offset + bytes.length;
  }

  finish(): void {
    if (this.#endOffset < this.#header.sizeBytes) ftruncateSync(this.#fd, this.#header.sizeBytes);
    setAttributesFd(this.#fd, this.#header);
  }

  close(): void {
    closeFd(this.#fd);
  }
}
