namespace OrleansTempo.Core.RemoteWrite;

/// <summary>One finished request: its compressed body and what is in it. Shared by all endpoints it goes to, so never changed.</summary>
public sealed record RemoteWriteRequest
{
    /// <summary>A <c>WriteRequest</c>, snappy block compressed: the body as it is sent.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>Bytes before compression.</summary>
    public required int RawBytes { get; init; }

    /// <summary>An explicit 0 counts too.</summary>
    public required int Samples { get; init; }

    public required int Exemplars { get; init; }

    /// <summary>Unix time in milliseconds of the collection.</summary>
    public required long TimestampMs { get; init; }
}
