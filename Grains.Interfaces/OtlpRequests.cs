namespace OrleansTempo.Grains.Interfaces;

/// <summary>Requests on their way to a distributor, each an <c>ExportTraceServiceRequest</c> in protobuf.</summary>
/// <param name="requests">The requests' bytes; the caller keeps them, and must not change them until the call completes.</param>
[Immutable, Alias("orleanstempo.OtlpRequests")]
public sealed class OtlpRequests(IReadOnlyList<ReadOnlyMemory<byte>> requests)
{
    /// <summary>How many requests there are.</summary>
    public int Count => requests.Count;

    /// <summary>The bytes of each request.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Bytes => requests;
}
