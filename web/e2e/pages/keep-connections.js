// Lets a test read the network path of the newest connection of the page. Runs before the page's scripts.
{
  const { RTCPeerConnection } = globalThis;
  let newest;
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration) {
      super(configuration);
      newest = this;
    }
  };
  globalThis.pathOfConnection = async () => {
    const statistics = await newest.getStats();
    const transport = [...statistics.values()].find((entry) => entry.type === "transport");
    const pair = statistics.get(transport?.selectedCandidatePairId);
    const local = statistics.get(pair?.localCandidateId);
    return { protocol: local?.protocol, localType: local?.candidateType, relayProtocol: local?.relayProtocol };
  };
}
