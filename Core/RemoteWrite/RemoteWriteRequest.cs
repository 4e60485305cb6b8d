namespace OrleansTempo.Core.RemoteWrite;

/// <summary>One finished request: its compressed body, and a summary of its content. All endpoints it goes to share it, so it never changes.</summary>
public sealed record RemoteWriteRequest
{
    /// <summary>The protocol of <see cref="Body"/>.</summary>
    public RemoteWriteProtocol Protocol { get; init; } = RemoteWriteProtocol.V1;

    /// <summary>The message as sent, compressed as a snappy block.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>The number of bytes before compression.</summary>
    public required int RawBytes { get; init; }

    /// <summary>The number of samples, including explicit zeros.</summary>
    public required int Samples { get; init; }

    /// <summary>The number of native histogram samples, including explicit empty ones; not part of <see cref="Samples"/>.</summary>
    public int Histograms { get; init; }

    /// <summary>The number of samples of both kinds, as counted for waiting and lost samples and for limits.</summary>
    public int AllSamples => Samples + Histograms;

    public required int Exemplars { get; init; }

    /// <summary>Unix time in milliseconds of the collection.</summary>
    public required long TimestampMs { get; init; }
}

/// <summary>The message in the body of a remote write request. The numbers are stored with queued requests and must never change.</summary>
public enum RemoteWriteProtocol
{
    /// <summary>Remote write 1.0, <c>prometheus.WriteRequest</c>.</summary>
    V1 = 1,

    /// <summary>Remote write 2.0, <c>io.prometheus.write.v2.Request</c>.</summary>
    V2 = 2,
}
