using System.Globalization;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Placement;
using OrleansTempo.Core;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// An ingester: a shell around one of its silo's <see cref="IngesterPartition"/>s, which the first spans open and the grain's end closes. It stays
/// awake while the partition holds anything, and writes that into blocks before it goes. Reentrant, so that one commit of the log carries many calls.
/// </summary>
[GrainType("trace"), Reentrant, ActivationCountBasedPlacement]
internal sealed partial class TraceGrain(GrainEngine engine, ILogger<TraceGrain> logger) : Grain, ITraceGrain
{
    private static readonly TimeSpan s_awake = TimeSpan.FromMinutes(2);

    private TenantId _tenant;
    private int _number;

    // Null until spans arrive: a query opens nothing.
    private IngesterPartition? _partition;
    private bool _blocksAreListed;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var (tenant, part) = GrainKeys.Parse(this.GetPrimaryKeyString());
        if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _number) || _number >= engine.Ingesters.Partitions)
            throw new ArgumentException($"'{this.GetPrimaryKeyString()}' is not the key of a partition: there are {engine.Ingesters.Partitions} partitions (ingester.partitions)");
        _tenant = tenant;
        this.RegisterGrainTimer(StayAwake, new GrainTimerCreationOptions(s_awake / 2, s_awake / 2) { Interleave = true });
        engine.Active.Add(GrainKind.Ingester, GrainContext, FlushBeforeMoveAsync);
        return Task.CompletedTask;
    }

    public async Task<IngestAnswer> PushAsync(SpanPayload payload)
    {
        Open();
        using var reading = payload.Open();
        var pushes = reading.Parts.Select(part => engine.Ingesters.PushAsync(_tenant, _number, part.Batch, part.Spans, payload.IsReplayed).AsTask());
        return IngestAnswer.Of(await Task.WhenAll(pushes), reading.Parts);
    }

    public Task OpenAsync()
    {
        Open();
        return Task.CompletedTask;
    }

    public async Task<LiveTraceAnswer> FindAsync(byte[] traceId)
    {
        var started = engine.Time.GetTimestamp();
        var succeeded = false;
        try
        {
            var trace = await FindTraceAsync(traceId);
            succeeded = true;
            return trace;
        }
        finally
        {
            engine.Metrics.RecordCall("/tempopb.Querier/FindTraceByID", succeeded, engine.Time.GetElapsedTime(started));
        }
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        engine.Active.Remove(GrainContext);
        if (_partition is null)
            return;
        _partition.Close();

        // A silo that runs alone resumes its log, and finds there what it holds now.
        if (engine.IsExclusive && reason.ReasonCode == DeactivationReasonCode.ShuttingDown)
            return;
        try
        {
            await _partition.FlushAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The silo's log has the rest; the silo writes the blocks while it lives, and another adopts the log once it is gone.
            LogNotFlushed(logger, this.GetPrimaryKeyString(), reason.Description);
        }
    }

    private async Task<LiveTraceAnswer> FindTraceAsync(byte[] traceId)
    {
        // Blocks that this partition wrote while in another silo.
        if (!_blocksAreListed)
        {
            await engine.Blocks.RefreshAsync(_tenant, CancellationToken.None);
            _blocksAreListed = true;
        }

        var spans = new TraceSpans(TraceId.Read(traceId));
        var written = engine.Ingesters.FindPartition(_tenant, _number)?.Find(spans.TraceId, spans) ?? [];
        return LiveTraceAnswer.From(spans, written.Concat(engine.Blocks.WrittenSince(_tenant, engine.Time.GetUtcNow() - engine.Ingesters.CompleteBlockTimeout)).DistinctBy(static b => b.BlockId));
    }

    private void Open()
    {
        if (_partition is not null)
            return;
        _partition = engine.Ingesters.Open(_tenant, _number);
    }

    private Task FlushBeforeMoveAsync(CancellationToken cancellationToken) => _partition?.FlushAsync(cancellationToken) ?? Task.CompletedTask;

    private Task StayAwake()
    {
        if (_partition is { IsEmpty: false })
            DelayDeactivation(s_awake);
        return Task.CompletedTask;
    }

    [LoggerMessage(3006, LogLevel.Warning, "Ingester {Ingester} leaves ({Reason}) before all its traces are in blocks; the write-ahead log has the rest")]
    private static partial void LogNotFlushed(ILogger logger, string ingester, string reason);
}
