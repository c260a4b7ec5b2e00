import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of PEM files. */
export interface Certificates {
  authority: string;
  serverCertificate: string;
  serverKey: string;
  clientCertificate: string;
  clientKey: string;
}

/** An authority of its own, which signs a server certificate for localhost and one for a client. */
export function createCertificates(directory: string): Certificates {
  mkdirSync(directory, { recursive: true });
  const path = (name: string) => join(directory, name);
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-days",
    "2",
    "-subj",
    "/CN=test authority",
    "-keyout",
    path("ca.key"),
    "-out",
    path("ca.crt"),
  );
  const sign = (name: string, extensions: string) => {
    writeFileSync(path(`${name}.ext`), extensions);
    openssl(
      "req",
      ...key,
      "-subj",
      `/CN=${name}`,
      "-keyout",
      path(`${name}.key`),
      "-out",
      path(`${name}.csr`),
    );
    openssl(
      ...["x509", "-req", "-in", path(`${name}.csr`), "-CA", path("ca.crt"), "-CAkey", path("ca.key")],
      ...["-CAcreateserial", "-days", "2", "-extfile", path(`${name}.ext`), "-out", path(`${name}.crt`)],
    );
  };
  sign("localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n");
  sign("client", "extendedKeyUsage=clientAuth\n");
  return {
    authority: path("ca.crt"),
    serverCertificate: path("localhost.crt"),
    serverKey: path("localhost.key"),
    clientCertificate: path("client.crt"),
    clientKey: path("client.key"),
  };
}

function openssl(...words: string[]): void {
  const { status, stderr, error } = spawnSync("openssl", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`openssl ${words.join(" ")}: ${error?.message ?? stderr}`);
}
