export interface NetworkAddress {
  /** Of the interface in the container: `eth0`. */
  interface: string;
  /** With its prefix: `10.1.2.3/24`. */
  address: string;
}

export interface AttachToNetwork {
  /** Of the container. */
  id: string;
  /** Its first process, which lives, and whose network namespace is its own. */
  pid: number;
  /** Ends the plugin at work; what was done is undone. */
  signal?: AbortSignal;
  /** Is told what plugins answer, and what they say besides. */
  log?: (line: string) => void;
}

/** The network that a directory of configurations makes the default one. */
export interface ConfiguredNetwork {
  readonly name: string;
  /**
   * Has the network's plugins make an interface in the container and give it addresses. A failure leaves nothing, and
   * is the plugin's own words; what a killed attachment of that container left is taken away before. Throws
   * AlreadyExists when the container, or one that plugins cannot tell from it, is attached; FailedPrecondition when
   * it shares the caller's network namespace.
   */
  attach(request: AttachToNetwork): Promise<NetworkAddress[]>;
}

/** An attachment whose container has ended: its addresses are still taken. */
export interface StaleAttachment {
  /** The container's. Undefined for one whose record is damaged or half written, which has the file's name as its id. */
  namespace: string | undefined;
  id: string;
  /** Gives everything back; does nothing when somebody did by now. */
  release(): Promise<void>;
}

/**
 * Containers' networks, by plugins (CNI). That a container is attached is recorded durably before the first plugin
 * hears of it, and until the last one has let go: whoever is killed, addresses can be given back.
 */
export interface Networks {
  /** Throws NotFound without any configuration, InvalidArgument naming the file and what is wrong with it. */
  configured(): ConfiguredNetwork;
  /**
   * Takes a container that has ended out of its network. Does nothing when it is in none, or lives. Throws with the
   * words of a plugin that cannot; then it is still recorded, and may be tried again.
   */
  release(id: string): Promise<void>;
  /** Of a container in a network; none when its record is damaged, which `stale` tells. */
  addresses(id: string): NetworkAddress[];
  /** Whether some stale attachment is worth a collection: one that nobody has tried to release in vain. */
  hasForgotten(): boolean;
  /** In all namespaces. */
  stale(): StaleAttachment[];
}
