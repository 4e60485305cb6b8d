using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Core.Tests.Blocks;
using OrleansTempo.Tests.Otlp;
using Span = OrleansTempo.Tests.Otlp.Span;

namespace OrleansTempo.Core.Tests.Querier.Traces;

public sealed class TraceQueryTests
{
    private static readonly TenantId s_tenant = TenantId.Single;

    [Fact]
    public async Task A_span_in_two_sources_is_one_span_and_inspected_bytes_add_up()
    {
        var answer = await Query(Source("live", 10, null, 1, 2), Source("blocks", 20, null, 2, 3)).FindAsync(s_tenant, Found.Id, TraceRange.Everything, CancellationToken.None);

        Assert.Equal([1ul, 2, 3], answer.Spans.Spans.Select(static s => s.SpanId));
        Assert.Equal(30, answer.Spans.InspectedBytes);
        Assert.Empty(answer.Problems);
    }

    // If the sources were asked in the other order, a span cut into a block between the two questions would be in neither answer.
    [Fact]
    public async Task A_source_is_asked_once_the_previous_one_has_answered()
    {
        var live = new TaskCompletionSource();
        var asked = new List<string>();
        var query = Query(
            new AskedSource(async (_, _, _, _, _) =>
            {
                asked.Add("live");
                await live.Task;
            }),
            new AskedSource((_, _, _, _, _) =>
            {
                asked.Add("blocks");
                return ValueTask.CompletedTask;
            }));

        var answer = query.FindAsync(s_tenant, Found.Id, TraceRange.Everything, CancellationToken.None).AsTask();

        Assert.Equal(["live"], asked);
        live.SetResult();
        await answer;
        Assert.Equal(["live", "blocks"], asked);
    }

    [Fact]
    public async Task Unreadable_data_is_reported_and_the_rest_is_found()
    {
        var answer = await Query(Source("live", 0, "block 1 is corrupt", 1), Source("blocks", 0, "block 2 is corrupt", 2)).FindAsync(s_tenant, Found.Id, TraceRange.Everything, CancellationToken.None);

        Assert.Equal(["block 1 is corrupt", "block 2 is corrupt"], answer.Problems);
        Assert.Equal(2, answer.Spans.Spans.Count);
    }

    [Fact]
    public async Task A_source_that_fails_fails_the_query()
    {
        var query = Query(Source("live", 0, null, 1), new AskedSource(static (_, _, _, _, _) => throw new IOException("no disk")));

        var failure = await Assert.ThrowsAsync<IOException>(() => query.FindAsync(s_tenant, Found.Id, TraceRange.Everything, CancellationToken.None).AsTask());

        Assert.Equal("no disk", failure.Message);
    }

    [Fact]
    public async Task Every_source_is_asked_for_the_tenant_the_trace_and_the_range_of_the_query()
    {
        var asked = new List<(TenantId, TraceId, TraceRange)>();
        var source = new AskedSource((tenant, id, range, _, _) =>
        {
            asked.Add((tenant, id, range));
            return ValueTask.CompletedTask;
        });
        Assert.True(TenantId.TryParse("blue", out var blue, out _));

        await Query(source, source).FindAsync(blue, Found.Id, new TraceRange(1, 2), CancellationToken.None);

        Assert.Equal([(blue, Found.Id, new TraceRange(1, 2)), (blue, Found.Id, new TraceRange(1, 2))], asked);
    }

    // A block from 100 to 200 s. Tempo's tempodb.includeBlock: both ends or no effect.
    [Theory]
    [InlineData(null, null, true)]
    [InlineData(900L, null, true)]
    [InlineData(null, 10L, true)]
    [InlineData(120L, 150L, true)]
    [InlineData(0L, 1000L, true)]
    [InlineData(0L, 100L, true)]
    [InlineData(200L, 300L, true)]
    [InlineData(0L, 99L, false)]
    [InlineData(201L, 300L, false)]
    [InlineData(long.MinValue, long.MaxValue, true)]
    public void A_range_takes_the_blocks_it_touches(long? start, long? end, bool isRead) =>
        Assert.Equal(isRead, new TraceRange(start, end).Overlaps(DateTimeOffset.FromUnixTimeSeconds(100), DateTimeOffset.FromUnixTimeSeconds(200)));

    private static TraceQuery Query(params ITraceSource[] sources) => new(sources);

    private static AskedSource Source(string scope, long inspected, string? problem, params ulong[] spanIds) => new((_, _, _, into, problems) =>
    {
        into.InspectedBytes += inspected;
        foreach (var id in spanIds)
            into.Add(Found.Of(new ResourceSpans(), new ScopeSpans { SchemaUrl = scope }, new Span { SpanId = Found.SpanId(id) }));
        if (problem is not null)
            problems.Add(problem);
        return ValueTask.CompletedTask;
    });

    private sealed class AskedSource(Func<TenantId, TraceId, TraceRange, TraceSpans, ICollection<string>, ValueTask> find) : ITraceSource
    {
        public ValueTask FindAsync(TenantId tenant, TraceId traceId, TraceRange range, TraceSpans into, ICollection<string> problems, CancellationToken cancellationToken) =>
            find(tenant, traceId, range, into, problems);
    }
}
