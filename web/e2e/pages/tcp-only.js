// Simulates a network without UDP: the page never learns of the host's UDP candidates. Runs before the page's scripts.
{
  const { setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setRemoteDescription = function (description) {
    const lines = description.sdp.split("\r\n").filter((line) => !/^a=candidate:\S+ 1 udp /.test(line));
    return setRemoteDescription.call(this, { type: description.type, sdp: lines.join("\r\n") });
  };
}
