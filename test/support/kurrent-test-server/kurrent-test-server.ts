import { Server, ServerCredentials, type sendUnaryData } from '@grpc/grpc-js';
import type { ClusterInfo } from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_pb.js';
import type { SupportedMethods } from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_pb.js';
import { type AppendCounts, appendCall, batchAppendCall } from './append-service.js';
import { type Faults, noFaults } from './faults.js';
import { protocol } from './protocol.js';
import { type ReadCounts, readCall } from './read-service.js';
import { RecordStore } from './record-store.js';

/** What a test sees of the server. */
export interface KurrentTestServer {
  readonly port: number;
  readonly connectionString: string;
  readonly store: RecordStore;
  readonly faults: Faults;
  readonly counts: AppendCounts;
  readonly reads: ReadCounts;
  /** Breaks every connection and takes none, until `comeBack`. */
  goAway(): void;
  /** Listens again, on the same port. */
  comeBack(): Promise<void>;
  close(): void;
}

/**
 * A server for tests only that speaks as much of KurrentDB's wire protocol as the adapter uses, made from the client's
 * own service definitions, in memory, on 127.0.0.1. It is no KurrentDB: nothing is durable, and one store may be given
 * to several servers, which then are a cluster's nodes.
 */
export async function startKurrentTestServer(
  options: {
    readonly store?: RecordStore;
    readonly nowMicros?: () => number;
    /** Without it clients fall back to Append, as with servers before 21.10. */
    readonly batchAppend?: boolean;
  } = {},
): Promise<KurrentTestServer> {
  const store = options.store ?? new RecordStore(options.nowMicros ?? (() => Date.now() * 1000));
  const faults = noFaults();
  const counts: AppendCounts = { appends: 0, batchAppends: 0 };
  const reads: ReadCounts = { streams: [], sent: 0, subscriptions: 0 };
  const context = { store, faults, counts, reads };
  let listening: { server: Server; port: number } | undefined;
  const listen = async (port: number): Promise<{ server: Server; port: number }> => {
    const server = new Server();
    server.addService(protocol.services.streams, {
      read: readCall(context),
      append: appendCall(context),
      batchAppend: batchAppendCall(context),
    });
    server.addService(protocol.services.features, {
      getSupportedMethods: (_call: unknown, callback: sendUnaryData<SupportedMethods>) =>
        callback(null, supportedMethods(options.batchAppend ?? true)),
    });
    let bound = 0;
    server.addService(protocol.services.gossip, {
      read: (_call: unknown, callback: sendUnaryData<ClusterInfo>) => callback(null, oneLeader(bound)),
    });
    bound = await new Promise<number>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, taken) => {
        if (error === null) resolve(taken);
        else reject(error);
      });
    });
    return { server, port: bound };
  };
  listening = await listen(0);
  const { port } = listening;
  const stop = (): void => {
    listening?.server.forceShutdown();
    listening = undefined;
  };
  return {
    port,
    connectionString: `kurrentdb://127.0.0.1:${port}?tls=false`,
    store,
    faults,
    counts,
    reads,
    goAway: stop,
    comeBack: async () => {
      listening ??= await listen(port);
    },
    close: stop,
  };
}

function supportedMethods(batchAppend: boolean): SupportedMethods {
  const { SupportedMethods: Methods, SupportedMethod } = protocol.features;
  const methods = ['read', 'append', ...(batchAppend ? ['batchappend'] : [])].map((name) => {
    const method = new SupportedMethod();
    method.setServiceName('event_store.client.streams.streams');
    method.setMethodName(name);
    return method;
  });
  const supported = new Methods();
  supported.setEventStoreServerVersion('24.10.0');
  supported.setMethodsList(methods);
  return supported;
}

function oneLeader(port: number): ClusterInfo {
  const { ClusterInfo: Info, EndPoint, MemberInfo } = protocol.gossip;
  const endpoint = new EndPoint();
  endpoint.setAddress('127.0.0.1');
  endpoint.setPort(port);
  const id = new protocol.shared.UUID();
  id.setString('22222222-2222-4222-8222-222222222222');
  const member = new MemberInfo();
  member.setInstanceId(id);
  member.setTimeStamp('0');
  member.setState(MemberInfo.VNodeState.LEADER);
  member.setIsAlive(true);
  member.setHttpEndPoint(endpoint);
  const info = new Info();
  info.setMembersList([member]);
  return info;
}
