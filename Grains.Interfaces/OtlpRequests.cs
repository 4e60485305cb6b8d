namespace OrleansTempo.Grains.Interfaces;

/// <summary>Requests on their way to a distributor, each an <c>ExportTraceServiceRequest</c> in protobuf.</summary>
/// <param name="requests">Their bytes stay the caller's, and as they are until the call completes.</param>
[Immutable, Alias("orleanstempo.OtlpRequests")]
public sealed class OtlpRequests(IReadOnlyList<ReadOnlyMemory<byte>> requests)
{
    public int Count => requests.Count;

    /// <summary>The requests' bytes, each.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Bytes => requests;
}
