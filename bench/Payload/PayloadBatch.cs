using OrleansTempo.Bench.Load;
using OrleansTempo.Bench.Whole;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Otlp.Reading;

namespace OrleansTempo.Bench.Payload;

/// <summary>A request of the payload as the ingesters get it: parsed, in a pooled buffer. Its trace IDs can be replaced in place, for a few nanoseconds per span.</summary>
internal sealed class PayloadBatch
{
    private readonly PayloadBody _body;

    private PayloadBatch(PayloadTemplate template)
    {
        var buffer = new RequestMemory(long.MaxValue).Copy(template.Bytes);
        _body = new PayloadBody(template, buffer.Array);
        _body.Refresh(Random.Shared);
        Batch = SpanBatch.TryRead(buffer, 0, out var batch, out var error) ? batch : throw new InvalidDataException(error.ToString());
    }

    public static string UsualFolder => Path.Combine(Repository.Root, "..", "shared", "otlp", "payload");

    public SpanBatch Batch { get; }

    /// <summary>Reads the payload, in batches of 1000 spans.</summary>
    public static PayloadBatch[] ReadFolder(string folder) => [.. PayloadTemplate.ReadFolder(folder, 1000).Select(template => new PayloadBatch(template))];

    /// <summary>Replaces the trace IDs; the times stay as they were read.</summary>
    public void Refresh(Random random) => _body.Refresh(random);
}
