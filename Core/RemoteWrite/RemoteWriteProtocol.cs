namespace OrleansTempo.Core.RemoteWrite;

/// <summary>Which message a remote write request's body is. The numbers are persisted with queued requests: never change them.</summary>
public enum RemoteWriteProtocol
{
    /// <summary>Remote write 1.0, <c>prometheus.WriteRequest</c>.</summary>
    V1 = 1,

    /// <summary>Remote write 2.0, <c>io.prometheus.write.v2.Request</c>.</summary>
    V2 = 2,
}
