using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>
/// Requests on their way to a distributor, each an <c>ExportTraceServiceRequest</c> in protobuf. Within a silo it is the
/// receiver's buffers themselves; from a client it is bytes.
/// </summary>
[Immutable, Alias("orleanstempo.OtlpRequests")]
public sealed class OtlpRequests
{
    private readonly IReadOnlyList<ReadOnlyMemory<byte>> _bytes;
    private readonly IReadOnlyList<RequestBuffer>? _buffers;

    /// <summary>Requests whose bytes stay the caller's, and as they are until the call completes.</summary>
    public OtlpRequests(IReadOnlyList<ReadOnlyMemory<byte>> requests) => _bytes = requests;

    /// <summary>Requests that are the distributor's from here on. Where the call fails and nobody knows whether it was received, they are abandoned (<see cref="RequestBuffer.Abandon"/>).</summary>
    public OtlpRequests(IReadOnlyList<RequestBuffer> buffers)
    {
        _buffers = buffers;
        _bytes = [];
    }

    public int Count => _buffers?.Count ?? _bytes.Count;

    /// <summary>The requests' bytes, each.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Bytes => _buffers?.Select(static b => (ReadOnlyMemory<byte>)b.Array.AsMemory(0, b.Length)) ?? _bytes;

    /// <summary>The requests in buffers, which are the caller's from here on: those they came in, or else copies in <paramref name="memory"/>. Called once.</summary>
    /// <exception cref="RequestMemoryException">The requests under way hold all the memory that they may.</exception>
    public IReadOnlyList<RequestBuffer> Take(RequestMemory memory)
    {
        if (_buffers is not null)
            return _buffers;
        var buffers = new List<RequestBuffer>(_bytes.Count);
        try
        {
            foreach (var bytes in _bytes)
                buffers.Add(memory.Copy(bytes.Span));
        }
        catch (RequestMemoryException)
        {
            foreach (var buffer in buffers)
                buffer.Return();
            throw;
        }

        return buffers;
    }
}
