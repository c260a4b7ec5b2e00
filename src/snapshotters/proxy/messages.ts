import type { Root, Type } from "protobufjs";

/**
 * The part of containerd's Snapshots service (api/services/snapshots/v1) that plugins serve. What travels is the
 * service's and the methods' names and the fields' numbers; messages of the same shape share one name here.
 */
const DEFINITION = `
syntax = "proto3";
package containerd.services.snapshots.v1;

service Snapshots {
  rpc Prepare (NewSnapshot) returns (Mounts);
  rpc View (NewSnapshot) returns (Mounts);
  rpc Mounts (Key) returns (Mounts);
  rpc Commit (NewName) returns (Empty);
  rpc Remove (Key) returns (Empty);
  rpc Stat (Key) returns (OneInfo);
  rpc Update (Change) returns (OneInfo);
  rpc List (Query) returns (stream Infos);
  rpc Usage (Key) returns (Amounts);
  rpc Cleanup (Key) returns (Empty);
}

message NewSnapshot { string snapshotter = 1; string key = 2; string parent = 3; map<string, string> labels = 4; }
message NewName { string snapshotter = 1; string name = 2; string key = 3; map<string, string> labels = 4; }
message Key { string snapshotter = 1; string key = 2; }
message Query { string snapshotter = 1; repeated string filters = 2; }
message Change { string snapshotter = 1; Info info = 2; FieldMask update_mask = 3; }

message Mounts { repeated Mount mounts = 1; }
message Mount { string type = 1; string source = 2; string target = 3; repeated string options = 4; }
message OneInfo { Info info = 1; }
message Infos { repeated Info info = 1; }
message Info {
  string name = 1;
  string parent = 2;
  Kind kind = 3;
  Timestamp created_at = 4;
  Timestamp updated_at = 5;
  map<string, string> labels = 6;
}
enum Kind { Unknown = 0; View = 1; Active = 2; Committed = 3; }
message Amounts { int64 size = 1; int64 inodes = 2; }

message Empty {}
message FieldMask { repeated string paths = 1; }
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
`;

const SERVICE = "containerd.services.snapshots.v1.Snapshots";

export type MethodName =
  | "Prepare"
  | "View"
  | "Mounts"
  | "Commit"
  | "Remove"
  | "Stat"
  | "Update"
  | "List"
  | "Usage"
  | "Cleanup";

export interface Codec {
  encode(message: object): Buffer;
  /** Every field is there; one that was not sent has protobuf's default value, a message null. */
  decode(bytes: Uint8Array): object;
}

export interface Method {
  /** As HTTP/2 carries it. */
  path: string;
  request: Codec;
  response: Codec;
}

/** How each method's messages become bytes and come back. */
export async function loadMethods(): Promise<(name: MethodName) => Method> {
  const { default: protobuf } = await import("protobufjs");
  const { root } = protobuf.parse(DEFINITION);
  root.resolveAll();
  return (name) => methodOf(root, name);
}

function methodOf(root: Root, name: MethodName): Method {
  const { resolvedRequestType, resolvedResponseType } = root.lookupService(SERVICE).methods[name]!;
  return {
    path: `/${SERVICE}/${name}`,
    request: codecOf(resolvedRequestType!),
    response: codecOf(resolvedResponseType!),
  };
}

function codecOf(type: Type): Codec {
  return {
    encode: (message) => Buffer.from(type.encode(type.fromObject(message)).finish()),
    decode: (bytes) =>
      type.toObject(type.decode(bytes), {
        defaults: true,
        arrays: true,
        objects: true,
        longs: Number,
        enums: String,
      }),
  };
}
