using Google.Protobuf;
using OrleansTempo.Core.Otlp;

namespace OrleansTempo.Core.Tests.Otlp;

[Collection(Alone)]
[CollectionDefinition(Alone, DisableParallelization = true)]
public sealed class AbandonedBatchTests
{
    // What is counted is the process's.
    private const string Alone = "memory of requests";

    [Fact]
    public void An_abandoned_batch_stays_readable_and_counts_no_more()
    {
        var before = RequestBuffer.OutstandingBytes;
        var bytes = TestBatch.Request(TestBatch.Span(new TraceId(1, 2), 3, "kept")).ToByteArray();
        var batch = TestBatch.Of(bytes).Batch;
        Assert.True(RequestBuffer.OutstandingBytes > before);

        batch.Lease();
        batch.Abandon();
        batch.Release();

        Assert.Equal(before, RequestBuffer.OutstandingBytes);
        Assert.Equal(bytes, batch.Bytes.ToArray());
    }
}
