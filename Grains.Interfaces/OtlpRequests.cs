namespace OrleansTempo.Grains.Interfaces;

/// <summary>Requests on their way to a distributor, each an <c>ExportTraceServiceRequest</c> in protobuf.</summary>
/// <param name="requests">Their bytes stay the caller's, who must not change them until the call completes.</param>
[Immutable, Alias("orleanstempo.OtlpRequests")]
public sealed class OtlpRequests(IReadOnlyList<ReadOnlyMemory<byte>> requests)
{
    /// <summary>How many requests there are.</summary>
    public int Count => requests.Count;

    /// <summary>The requests' bytes, in the order in which they are answered.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Bytes => requests;
}
