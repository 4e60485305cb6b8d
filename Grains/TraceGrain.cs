using System.Globalization;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using OrleansTempo.Core;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Storage;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// An ingester: a shell around one <see cref="IngesterPartition"/> of the silo it is in. It stays awake while it holds anything, and puts what it
/// holds into blocks before it goes. Reentrant, so that one commit of the log carries many calls.
/// </summary>
[Reentrant]
internal sealed partial class TraceGrain(GrainEngine engine, ILogger<TraceGrain> logger) : Grain, ITraceGrain
{
    private static readonly TimeSpan s_awake = TimeSpan.FromMinutes(2);

    private TenantId _tenant;
    private IngesterPartition _partition = null!;
    private bool _blocksAreListed;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var (tenant, part) = GrainKeys.Parse(this.GetPrimaryKeyString());
        if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var partition) || partition >= engine.Ingesters.Partitions)
            throw new ArgumentException($"'{this.GetPrimaryKeyString()}' is no partition: there are {engine.Ingesters.Partitions} (ingester.partitions)");
        _tenant = tenant;
        _partition = engine.Ingesters.Partition(tenant, partition);
        this.RegisterGrainTimer(StayAwake, new GrainTimerCreationOptions(s_awake / 2, s_awake / 2) { Interleave = true });
        return Task.CompletedTask;
    }

    public async Task<IngestAnswer> PushAsync(SpanPayload payload)
    {
        if (await engine.Ingesters.AdmitAsync() is { } full)
            return new IngestAnswer { Unavailable = full };

        using var reading = payload.Open();
        var refused = Index(reading.Parts, payload.IsReplayed ? default : engine.Ingesters.LimitsOf(_tenant));
        if (payload.IsLocal)
            return refused is null ? IngestAnswer.Indexed : refused with { LogHere = true };

        // Spans that are refused may be in the log: should they be replayed, they are spans all the same.
        if (await engine.Ingesters.LogAsync(_tenant, payload.Received) is { } failure)
            return new IngestAnswer { Unavailable = failure };
        await engine.Ingesters.SettleAsync();
        return refused ?? IngestAnswer.Logged;
    }

    public async Task<LiveTrace> FindAsync(byte[] traceId)
    {
        // Blocks that this partition wrote while it was in another silo.
        if (!_blocksAreListed)
        {
            await engine.Blocks.RefreshAsync(_tenant, CancellationToken.None);
            _blocksAreListed = true;
        }

        var spans = new TraceSpans(TraceId.Read(traceId));
        var written = _partition.Find(spans.TraceId, spans);
        return LiveTrace.From(spans, written.Concat(engine.Blocks.WrittenSince(_tenant, engine.Time.GetUtcNow() - engine.Ingesters.CompleteBlockTimeout)).DistinctBy(static b => b.BlockId));
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        try
        {
            await _partition.FlushAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The silo's log has it; it writes the blocks as long as it lives, and another takes the log over when it is gone.
            NotFlushed(logger, this.GetPrimaryKeyString(), reason.Description);
        }
    }

    private IngestAnswer? Index(IReadOnlyList<SpanPart> parts, IngesterLimits limits)
    {
        // Before anything is indexed: what is logged afterwards is in this segment or a later one.
        var segment = engine.Ingesters.CurrentSegment;
        List<int>? liveTracesExceeded = null, tracesTooLarge = null;
        for (var i = 0; i < parts.Count; i++)
        {
            Refusals? refusals = null;
            _partition.Push(parts[i].Batch, parts[i].Spans.Span, segment, limits, ref refusals);
            if (refusals is null)
                continue;
            (liveTracesExceeded ??= []).AddRange(SpanPayload.Place(i, refusals.LiveTracesExceeded, parts));
            (tracesTooLarge ??= []).AddRange(SpanPayload.Place(i, refusals.TracesTooLarge, parts));
        }

        return liveTracesExceeded is null ? null : new IngestAnswer { LiveTracesExceeded = [.. liveTracesExceeded], TracesTooLarge = [.. tracesTooLarge!] };
    }

    private Task StayAwake()
    {
        if (!_partition.IsEmpty)
            DelayDeactivation(s_awake);
        return Task.CompletedTask;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "ingester {Partition} goes ({Reason}) before all it holds is in blocks; the write-ahead log has the rest")]
    private static partial void NotFlushed(ILogger logger, string partition, string reason);
}
