namespace OrleansTempo.Core.RemoteWrite;

/// <summary>One finished request: its compressed body and what is in it. Shared by all endpoints it goes to, so never changed.</summary>
public sealed record RemoteWriteRequest
{
    /// <summary>Which message <see cref="Body"/> is.</summary>
    public RemoteWriteProtocol Protocol { get; init; } = RemoteWriteProtocol.V1;

    /// <summary>The message, snappy block compressed: the body as it is sent.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Bytes before compression.</summary>
    public required int RawBytes { get; init; }

    /// <summary>An explicit 0 counts too.</summary>
    public required int Samples { get; init; }

    /// <summary>Samples of native histograms, an explicit one without observations too; not among <see cref="Samples"/>.</summary>
    public int Histograms { get; init; }

    /// <summary>Of either kind: what waits, is lost and is limited is counted so.</summary>
    public int AllSamples => Samples + Histograms;

    public required int Exemplars { get; init; }

    /// <summary>Unix time in milliseconds of the collection.</summary>
    public required long TimestampMs { get; init; }
}

/// <summary>Which message a remote write request's body is. The numbers are persisted with queued requests: never change them.</summary>
public enum RemoteWriteProtocol
{
    /// <summary>Remote write 1.0, <c>prometheus.WriteRequest</c>.</summary>
    V1 = 1,

    /// <summary>Remote write 2.0, <c>io.prometheus.write.v2.Request</c>.</summary>
    V2 = 2,
}
