/** Bytes of known length to be sent, opened anew for each try. */
export interface UploadBody {
  sizeBytes: number;
  open(): AsyncIterable<Uint8Array>;
}

export interface BodyStream {
  stream: ReadableStream<Uint8Array>;
  /** What reading our own bytes threw: fetch reports it as a broken connection. */
  failure(): unknown;
}

/** Reads a piece when the connection has room for it, so that a slow registry costs no memory. */
export function streamBody(body: UploadBody, onPiece: () => void): BodyStream {
  const pieces = body.open()[Symbol.asyncIterator]();
  let failure: unknown;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await pieces.next();
          onPiece();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          failure = error;
          controller.error(error);
        }
      },
      async cancel() {
        await pieces.return?.();
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, failure: () => failure };
}
