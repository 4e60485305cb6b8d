using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Placement;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Continuity;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// A tenant's metrics-generator, or a shard of it: the mailbox around a <see cref="GeneratorLife"/>, which decides when to collect. It stays in
/// memory while it has something to send. Reentrant: while the life waits for the object store, spans are still counted.
/// </summary>
[GrainType("metricsgenerator"), Reentrant, ActivationCountBasedPlacement]
internal sealed class MetricsGeneratorGrain(
    GrainEngine engine,
    [PersistentState("generator", MetricsGeneratorGrain.StorageName)] IPersistentState<StoredSnapshot> snapshot,
    ILogger<MetricsGeneratorGrain> logger) : Grain, IMetricsGeneratorGrain
{
    /// <summary>The grain storage of the snapshots.</summary>
    public const string StorageName = "generators";

    /// <summary>How long a silo that is cut off may keep sending, and so how long its successor waits.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    // A clean stop has this long to send what it has; the silo that stops it does not wait longer either.
    private static readonly TimeSpan s_longestFlush = TimeSpan.FromSeconds(10);

    // While it moves to another silo, calls wait for it. What is not sent by then waits in the object store and is sent from there.
    private static readonly TimeSpan s_longestFlushBeforeMove = TimeSpan.FromSeconds(2);

    // The maximum time between two pieces of a page; a slower reader has to start over.
    private static readonly TimeSpan s_longestPause = TimeSpan.FromMinutes(1);

    private TenantId _tenant;
    private GeneratorShard _shard;
    private TenantOverrides _overrides = null!;
    private GeneratorSettings _settings = null!;
    private GeneratorLife? _life;
    private IGrainTimer? _collecting;
    private IGrainTimer? _renewing;
    private volatile bool _settingsChanged;

    private string Key => this.GetPrimaryKeyString();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        (_tenant, var part) = GrainKeys.Parse(Key);
        if (part.Length > 0 && !GeneratorShard.TryParse(part, out _shard))
            throw new ArgumentException($"'{Key}' is not the key of a metrics-generator: '{part}' is not a shard such as 0-of-4");
        _settings = ResolveSettings();
        var life = new GeneratorLife(
            _tenant, _shard, $"{this.RuntimeIdentity}/{GrainContext.ActivationId}", _settings, Environment(), new GrainSnapshotStorage(snapshot), logger);
        await life.StartAsync(cancellationToken);
        _life = life;
        var interval = _settings.Registry.CollectionInterval;
        _collecting = this.RegisterGrainTimer(_ => CollectAsync(), new GrainTimerCreationOptions(interval, interval) { Interleave = true });
        if (!engine.IsExclusive)
            _renewing = this.RegisterGrainTimer(_ => life.RenewAsync(), new GrainTimerCreationOptions(Lease / 6, Lease / 6) { Interleave = true });
        engine.Overrides.Changed += NoteChangedSettings;
        NoteChangedSettings();
        engine.Active.Add(GrainKind.Generator, GrainContext);
    }

    public Task PushAsync(SpanPayload payload, Guid queue, long number)
    {
        ThrowIfLost();
        ApplyChangedSettings();
        using var reading = payload.Open();
        if (queue == Guid.Empty || _life!.TryBegin(queue, number))
        {
            foreach (var part in reading.Parts)
                _life!.Push(part.Batch, part.Spans.Span);
        }

        return _life!.SayAsync();
    }

    public async Task<AskAnswer> AskAsync(Guid queue, long number)
    {
        ThrowIfLost();
        var answer = new AskAnswer { State = _life!.Ask(queue, number) };
        await _life.SayAsync();
        return answer;
    }

    public Task<SeriesPiece?> BeginSeriesAsync()
    {
        if (!_settings.AnyProcessor)
            return Task.FromResult<SeriesPiece?>(null);
        var (reading, families) = _life!.Readings.Begin();
        return Task.FromResult<SeriesPiece?>(new SeriesPiece { Reading = reading, Families = families });
    }

    public Task<SeriesPiece?> ReadSeriesAsync(long reading, string family, int from) =>
        Task.FromResult(_life!.Readings.Read(reading, family, from) is var (series, next) ? new SeriesPiece { Reading = reading, Series = series, Next = next } : null);

    public Task WakeAsync() => Task.CompletedTask;

    public async Task CollectAsync()
    {
        ApplyChangedSettings();
        _life!.Readings.EndIdle(s_longestPause);
        await _life.CollectAsync();
        if (_life.IsLost)
            DeactivateOnIdle();
        else if (!_life.IsEmpty)
            DelayDeactivation(_settings.Registry.CollectionInterval * 4);
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_life is null)
            return;
        engine.Active.Remove(GrainContext);
        engine.Overrides.Changed -= NoteChangedSettings;
        _collecting?.Dispose();
        _renewing?.Dispose();
        var deadline = engine.GeneratorOptions.Storage.RemoteWriteFlushDeadline;
        var longest = reason.ReasonCode == DeactivationReasonCode.Migrating ? s_longestFlushBeforeMove : s_longestFlush;
        await _life.StopAsync(deadline < longest ? deadline : longest, cancellationToken);
    }

    // What it counts now, nobody sends. The caller asks again, and finds the successor.
    private void ThrowIfLost()
    {
        if (!_life!.IsLost)
            return;
        DeactivateOnIdle();
        throw new InvalidOperationException($"another silo has taken over the series of {Key}");
    }

    private GeneratorEnvironment Environment() => new()
    {
        Store = engine.Store,
        Lease = engine.IsExclusive ? Timeout.InfiniteTimeSpan : Lease,
        Snapshot = engine.GeneratorOptions.Snapshot,
        Storage = engine.GeneratorOptions.Storage,
        Endpoints = engine.Endpoints,
        RemoteWriteMetrics = engine.RemoteWriteMetrics,
        Metrics = engine.Metrics,
        Time = engine.Time,
    };

    private void NoteChangedSettings() => _settingsChanged = true;

    private void ApplyChangedSettings()
    {
        if (!_settingsChanged)
            return;
        _settingsChanged = false;

        // Unchanged overrides are the same instance.
        if (ReferenceEquals(_overrides, engine.Overrides.For(_tenant)))
            return;
        var former = _settings;
        var settings = ResolveSettings();
        if (former.Equals(settings))
            return;
        _life!.Apply(settings);
        _settings = settings;
        var interval = settings.Registry.CollectionInterval;
        if (former.Registry.CollectionInterval != interval)
            _collecting!.Change(interval, interval);
    }

    // A shard of an outdated number of shards has nothing to count any more, and ends its series.
    private GeneratorSettings ResolveSettings()
    {
        _overrides = engine.Overrides.For(_tenant);
        var settings = GeneratorSettings.Resolve(engine.GeneratorOptions, _overrides);
        return Math.Max(1, settings.RingSize) == Math.Max(1, _shard.Count)
            ? settings
            : settings.WithoutProcessors();
    }
}
