using System.Diagnostics;
using OrleansTempo.Core.Generator.Limits;

namespace OrleansTempo.Core.Generator;

/// <summary>Counts what one tenant's generator does, in <see cref="TempoMetrics"/>; the tenant's tags are made once.</summary>
internal sealed class GeneratorCounters(TempoMetrics metrics, TenantId tenant, GeneratorShard shard)
{
    public const string SpanMetrics = "span-metrics";
    public const string ServiceGraphs = "service-graphs";
    public const string HostInfo = "host-info";

    private const string OutsideSlackReason = "outside_metrics_ingestion_slack";
    private const string AllProcessors = "all";

    private readonly KeyValuePair<string, object?> _tenant = new("tenant", tenant.Value);

    // Counters of several shards add up; a gauge without this label would show whichever shard wrote last.
    private readonly TagList _gauge = shard.IsSharded ? [new("tenant", tenant.Value), new("shard", shard.ToString())] : [new("tenant", tenant.Value)];

    /// <summary>Starts the counters that alerts watch at 0: to Prometheus, a counter that first appears with its first failure has not increased.</summary>
    public void CountFromZero()
    {
        metrics.CollectionsFailed.Add(0, _tenant);
        metrics.GeneratorSpansDiscarded.Add(0, _tenant, new("reason", OutsideSlackReason), new("processor", AllProcessors));
        metrics.DroppedSpans.Add(0, _tenant);
        metrics.SeriesLimited.Add(0, _tenant);
        metrics.EntitiesLimited.Add(0, _tenant);
    }

    public void Received(long spans, long bytes)
    {
        metrics.GeneratorSpansReceived.Add(spans, _tenant);
        metrics.GeneratorBytesReceived.Add(bytes, _tenant);
    }

    public void OutsideSlack(int spans) => Discarded(spans, OutsideSlackReason, AllProcessors);

    public void Duplicates(int spans) => Discarded(spans, "duplicate_span", AllProcessors);

    public void DedupeForgotten(long spans) => Add(metrics.DedupeForgotten, spans);

    public void Filtered(int spans, string processor) =>
        Discarded(spans, processor == SpanMetrics ? "span_metrics_filtered" : "service_graphs_filtered", processor);

    public void InvalidUtf8(int spans, string processor) => Discarded(spans, "invalid_utf8", processor);

    /// <param name="multipliers">Attributes without a usable multiplier.</param>
    /// <param name="overflows">Amounts that would have made a value infinite.</param>
    /// <param name="processor">The processor that ignored them.</param>
    public void Ignored(int multipliers, int overflows, string processor)
    {
        if (multipliers > 0)
            metrics.GeneratorValuesIgnored.Add(multipliers, _tenant, new("reason", "invalid_multiplier"), new("processor", processor));
        if (overflows > 0)
            metrics.GeneratorValuesIgnored.Add(overflows, _tenant, new("reason", "overflow"), new("processor", processor));
    }

    public void Edges(int edges) => Add(metrics.Edges, edges);

    public void ExpiredEdge(string unmatchedSpanKind) => metrics.ExpiredEdges.Add(1, _tenant, new("unmatched_span_kind", unmatchedSpanKind));

    public void DroppedSpans(int spans) => Add(metrics.DroppedSpans, spans);

    public void DroppedEdges(int edges) => Add(metrics.DroppedEdges, edges);

    public void ActiveProcessor(string processor, bool active) =>
        metrics.ActiveProcessors.Record(active ? 1 : 0, _tenant, new("processor", processor));

    public void Collected() => metrics.Collections.Add(1, _tenant);

    public void CollectionFailed() => metrics.CollectionsFailed.Add(1, _tenant);

    public void Series(SeriesBudget budget, ref (long Added, long Removed, long Limited) reported)
    {
        metrics.ActiveSeries.Record(budget.Active, _gauge);
        metrics.MaxActiveSeries.Record(budget.Max, _gauge);
        Add(metrics.SeriesAdded, budget.Added - reported.Added);
        Add(metrics.SeriesRemoved, budget.Removed - reported.Removed);
        Add(metrics.SeriesLimited, budget.Limited - reported.Limited);
        reported = (budget.Added, budget.Removed, budget.Limited);
    }

    public void Entities(SeriesBudget budget, ref (long Added, long Removed, long Limited) reported)
    {
        metrics.ActiveEntities.Record(budget.Entities, _gauge);
        metrics.MaxActiveEntities.Record(budget.MaxEntities, _gauge);
        Add(metrics.EntitiesAdded, budget.EntitiesAdded - reported.Added);
        Add(metrics.EntitiesRemoved, budget.EntitiesRemoved - reported.Removed);
        Add(metrics.EntitiesLimited, budget.EntitiesLimited - reported.Limited);
        reported = (budget.EntitiesAdded, budget.EntitiesRemoved, budget.EntitiesLimited);
    }

    public void Demand((long Entities, long Series) demand)
    {
        metrics.EntityDemand.Record(demand.Entities, _gauge);
        metrics.SeriesDemand.Record(demand.Series, _gauge);
    }

    /// <param name="name">A label's name.</param>
    /// <param name="estimate">The estimated number of values it had recently.</param>
    /// <param name="limited">The number of values replaced since the last call.</param>
    public void Label(string name, long estimate, long limited)
    {
        var label = new KeyValuePair<string, object?>("label_name", name);
        metrics.LabelCardinalityDemand.Record(estimate, [.. _gauge, label]);
        if (limited > 0)
            metrics.LabelValuesLimited.Add(limited, _tenant, label);
    }

    /// <param name="sanitized">Spans whose name was replaced, or would be in a dry run.</param>
    /// <param name="tooFewTokens">Spans whose name is too short to compare with others.</param>
    /// <param name="tooManyTokens">Spans whose name is too long to compare with others.</param>
    public void SpanNames(long sanitized, long tooFewTokens, long tooManyTokens)
    {
        Add(metrics.SpansSanitized, sanitized);
        if (tooFewTokens > 0)
            metrics.SpanNamesSkipped.Add(tooFewTokens, _tenant, new("reason", "too_few_tokens"));
        if (tooManyTokens > 0)
            metrics.SpanNamesSkipped.Add(tooManyTokens, _tenant, new("reason", "too_many_tokens"));
    }

    public void NameTemplates(long detected, long evicted, long expired)
    {
        Add(metrics.SpanNameTemplatesDetected, detected);
        Add(metrics.SpanNameTemplatesEvicted, evicted);
        Add(metrics.SpanNameTemplatesExpired, expired);
    }

    public void SanitizedDemand(long entities) => metrics.SanitizedDemand.Record(entities, _gauge);

    private void Add(System.Diagnostics.Metrics.Counter<long> counter, long amount)
    {
        if (amount > 0)
            counter.Add(amount, _tenant);
    }

    private void Discarded(int spans, string reason, string processor)
    {
        if (spans > 0)
            metrics.GeneratorSpansDiscarded.Add(spans, new TagList { _tenant, new("reason", reason), new("processor", processor) });
    }
}
