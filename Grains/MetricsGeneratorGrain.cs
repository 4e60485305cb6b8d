using System.Buffers;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using OrleansTempo.Core;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Grains.Interfaces;

namespace OrleansTempo.Grains;

/// <summary>
/// A tenant's metrics-generator, or a shard of it: a shell around a <see cref="TenantGenerator"/>, a <see cref="RemoteWriter"/> and the
/// <see cref="WriterClaim"/> that makes it the only one to write its series.
/// <code>
///   start:  claim ─► snapshot of who released it last, or what one that died has put before it sent it, or an explicit 0
///   push ─► TenantGenerator      timer ─► collect ─► put what has changed ─► renew the claim ─► queue ─► sent outside of the grain's turns
///                                                    (with every_collection)
///   stop:   collect ─► sent ─► snapshot ─► claim released
/// </code>
/// Reentrant: while a claim is renewed spans are counted on; nothing is awaited in the middle of a count or a collection.
/// </summary>
[Reentrant]
internal sealed partial class MetricsGeneratorGrain(
    GrainEngine engine,
    [PersistentState("generator", MetricsGeneratorGrain.StorageName)] IPersistentState<StoredSnapshot> snapshot,
    ILogger<MetricsGeneratorGrain> logger) : Grain, IMetricsGeneratorGrain
{
    /// <summary>The grain storage of the snapshots.</summary>
    public const string StorageName = "generators";

    /// <summary>How long a silo that is cut off may go on sending, and how long whoever follows it waits therefore.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(15);

    // An end in order has this long to send what it has: the silo that stops it waits no longer for it either.
    private static readonly TimeSpan s_longestFlush = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stopping = new();
    private TenantId _tenant;
    private GeneratorShard _shard;
    private TenantOverrides _overrides = null!;
    private GeneratorSettings _settings = null!;
    private TenantGenerator _generator = null!;
    private RemoteWriter _writer = null!;
    private WriterClaim _claim = null!;

    // With every_collection alone.
    private SnapshotChain? _chain;
    private IGrainTimer _collecting = null!;
    private IGrainTimer _renewing = null!;
    private Task _collection = Task.CompletedTask;
    private long _lastCollectionMs;
    private volatile bool _settingsChanged;

    private KeyValuePair<string, object?> TenantTag => new("tenant", _tenant.Value);

    private string Key => this.GetPrimaryKeyString();

    private SnapshotMode Snapshots => engine.GeneratorOptions.Snapshot;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        (_tenant, var part) = GrainKeys.Parse(Key);
        if (part.Length > 0 && !GeneratorShard.TryParse(part, out _shard))
            throw new ArgumentException($"'{Key}' is no metrics-generator: '{part}' is no shard, such as 0-of-4");
        _claim = await WriterClaim.TakeAsync(
            engine.Store, _tenant, GeneratorClaims.NameOf(part), $"{this.RuntimeIdentity}/{GrainContext.ActivationId}", Lease, engine.Time, cancellationToken);
        _settings = ResolveSettings();
        _generator = new TenantGenerator(_tenant, _settings, engine.Metrics, engine.Time, _shard);
        if (Snapshots == SnapshotMode.EveryCollection)
            _chain = new SnapshotChain(engine.Store, _tenant, GeneratorClaims.NameOf(part), _claim.Epoch, engine.Time);
        await RestoreAsync(GeneratorClaims.NameOf(part), cancellationToken);
        _generator.StartAfter(_claim.LastTimestampMs);
        _lastCollectionMs = _claim.LastTimestampMs;

        // What was left is of the epoch before; should this one die at once, there is something to go on from as well.
        if (_chain is not null && !_generator.IsEmpty)
            await PutAsync(_chain.Record(_generator), cancellationToken);
        _writer = new RemoteWriter(_tenant, engine.Endpoints, new RemoteWriterSettings(_settings, engine.GeneratorOptions.Storage), engine.RemoteWriteMetrics, engine.Time, logger, _claim);
        var interval = _settings.Registry.CollectionInterval;
        _collecting = this.RegisterGrainTimer(CollectOnTimerAsync, new GrainTimerCreationOptions(interval, interval) { Interleave = true });
        _renewing = this.RegisterGrainTimer(RenewAsync, new GrainTimerCreationOptions(Lease / 6, Lease / 6) { Interleave = true });
        engine.Overrides.Changed += NoteChangedSettings;
        NoteChangedSettings();
    }

    public Task PushAsync(SpanPayload payload)
    {
        ApplyChangedSettings();
        using var reading = payload.Open();
        foreach (var part in reading.Parts)
        {
            try
            {
                _generator.Push(part.Batch, part.Spans.Span);
            }
            catch (Exception e)
            {
                // One batch may fail; the tenant's metrics go on.
                BatchFailed(logger, Key, e);
            }
        }

        return Task.CompletedTask;
    }

    public Task<byte[]?> RecordSeriesAsync()
    {
        if (!_settings.AnyProcessor)
            return Task.FromResult<byte[]?>(null);
        var bytes = new ArrayBufferWriter<byte>();
        var recording = new SeriesRecording(bytes);
        _generator.Visit(recording);
        recording.Complete();
        return Task.FromResult<byte[]?>(bytes.WrittenSpan.ToArray());
    }

    public Task WakeAsync() => Task.CompletedTask;

    public Task CollectAsync() => CollectOnTimerAsync(CancellationToken.None);

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        engine.Overrides.Changed -= NoteChangedSettings;
        if (_writer is null)
            return;
        _collecting.Dispose();
        await _stopping.CancelAsync();
        try
        {
            await _collection;
            if (!_claim.IsLost)
                await EndAsync(cancellationToken);
            else if (_chain is not null)
                await _chain.DeleteAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            // Whoever takes the claim next finds it as if this one had crashed: counters begin again at 0.
            NotHandedOver(logger, Key, e);
        }
        finally
        {
            _renewing.Dispose();
            await _writer.DisposeAsync();
        }
    }

    // What is left is another's to continue only when nothing can be sent from here any more.
    private async Task EndAsync(CancellationToken cancellationToken)
    {
        await CollectAsync(cancellationToken);
        var longest = engine.GeneratorOptions.Storage.RemoteWriteFlushDeadline;
        var left = await _writer.FlushAsync(longest < s_longestFlush ? longest : s_longestFlush);
        if (left > 0)
            SamplesLeft(logger, Key, left);
        await _writer.DisposeAsync();
        if (_claim.IsLost)
            return;
        if (_generator.IsEmpty)
        {
            await _claim.EndAsync(cancellationToken);
        }
        else if (Snapshots == SnapshotMode.Off)
        {
            await _claim.ReleaseAsync(snapshot: false, cancellationToken);
        }
        else
        {
            var bytes = new ArrayBufferWriter<byte>();
            _generator.WriteSnapshot(bytes);
            snapshot.State = new StoredSnapshot { Epoch = _claim.Epoch, Bytes = bytes.WrittenSpan.ToArray() };
            await snapshot.WriteStateAsync(cancellationToken);
            engine.Metrics.SnapshotBytes.Add(bytes.WrittenCount, TenantTag);
            await _claim.ReleaseAsync(snapshot: true, cancellationToken);
        }

        if (_chain is not null)
            await _chain.DeleteAsync(CancellationToken.None);
    }

    private async Task RestoreAsync(string shard, CancellationToken cancellationToken)
    {
        if (_claim.SnapshotEpoch is { } epoch && Snapshots != SnapshotMode.Off)
        {
            // Read before the claim was taken, when it may have been another one.
            await snapshot.ReadStateAsync();
            var reason = snapshot.State.Epoch == epoch ? null : $"it is of epoch {snapshot.State.Epoch}, and the series were last written in {epoch}";
            NoteRestored(reason is null && _generator.TryRestore(snapshot.State.Bytes, out reason), reason);
        }
        else if (_claim.CrashedEpoch is { } crashed)
        {
            await RestoreCrashedAsync(shard, crashed, cancellationToken);
        }

        // Used once: what is sent from now on is not in it.
        if (snapshot.RecordExists)
            await snapshot.ClearStateAsync();
    }

    private async Task RestoreCrashedAsync(string shard, long epoch, CancellationToken cancellationToken)
    {
        StoredChain left;
        try
        {
            left = await SnapshotChain.ReadAsync(engine.Store, _tenant, shard, epoch, cancellationToken);
        }
        catch (IOException e)
        {
            left = new StoredChain([], [], e.Message);
        }

        if (Snapshots != SnapshotMode.Off)
        {
            var reason = left.Problem;
            var restored = reason is null && _generator.TryRestore(left.Records, _claim.LastTimestampMs, out reason);
            NoteRestored(restored, $"who had it before did not end in order, and {reason}");
        }

        if (_chain is not null)
            _chain.Replace(left);
        else
            await SnapshotChain.DeleteAsync(engine.Store, left.Names, cancellationToken);
    }

    private void NoteRestored(bool restored, string? reason)
    {
        if (restored)
        {
            engine.Metrics.SnapshotsRestored.Add(1, TenantTag);
            return;
        }

        engine.Metrics.SnapshotsRefused.Add(1, TenantTag);
        NotRestored(logger, Key, reason);
    }

    private async Task PutAsync(ChainRecord record, CancellationToken cancellationToken)
    {
        if (await _chain!.TryPutAsync(record, cancellationToken) is { } problem)
        {
            engine.Metrics.SnapshotFailures.Add(1, TenantTag);
            NotPersisted(logger, Key, problem);
            return;
        }

        engine.Metrics.SnapshotBytes.Add(record.Content.Length, TenantTag);
    }

    // One at a time: what is collected later must not be queued before.
    private Task CollectOnTimerAsync(CancellationToken cancellationToken) => _collection.IsCompleted ? _collection = CollectAndLookAsync() : _collection;

    private async Task CollectAndLookAsync()
    {
        try
        {
            await CollectAsync(_stopping.Token);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            CollectionFailed(logger, Key, e);
        }

        if (_claim.IsLost)
        {
            ClaimLost(logger, Key);
            DeactivateOnIdle();
        }
        else if (!_generator.IsEmpty)
        {
            DelayDeactivation(_settings.Registry.CollectionInterval * 4);
        }
    }

    // The claim says up to when its owner sends before that is sent: whoever follows stamps nothing before it.
    private async Task CollectAsync(CancellationToken cancellationToken)
    {
        ApplyChangedSettings();
        if (_claim.IsLost)
            return;
        using var batch = _writer.BeginCollection(engine.Time.GetUtcNow().ToUnixTimeMilliseconds());
        var collectionMs = _generator.Collect(batch.Visitor);

        // Where it cannot be put, the claim says that more was sent than is in the records: after a crash counters begin again at 0.
        if (_chain is not null)
            await PutAsync(_chain.Record(_generator), CancellationToken.None);
        _lastCollectionMs = collectionMs;
        while (true)
        {
            try
            {
                // Not cancelled half way: the first zeros of new series are in this collection alone.
                if (await _claim.RenewAsync(_lastCollectionMs, CancellationToken.None))
                    _writer.Complete(batch, _lastCollectionMs);
                break;
            }
            catch (IOException e)
            {
                ClaimNotRenewed(logger, Key, e.Message);
                await Task.Delay(s_retry, engine.Time, cancellationToken);
            }
        }

        if (_chain is not null)
            await _chain.TidyAsync(cancellationToken);
    }

    // Between collections only where something waits to be sent, or for the right to send: a renewal is a write, and tenants are many.
    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        if (!_writer.IsPending)
            return;
        try
        {
            await _claim.RenewAsync(_lastCollectionMs, cancellationToken);
        }
        catch (IOException e)
        {
            ClaimNotRenewed(logger, Key, e.Message);
        }
    }

    private void NoteChangedSettings() => _settingsChanged = true;

    private void ApplyChangedSettings()
    {
        if (!_settingsChanged)
            return;
        _settingsChanged = false;

        // What has not changed is the same instance.
        if (ReferenceEquals(_overrides, engine.Overrides.For(_tenant)))
            return;
        var former = _settings;
        var settings = ResolveSettings();
        if (former.Equals(settings))
            return;
        _generator.Apply(settings);
        _settings = settings;
        _writer.Apply(new RemoteWriterSettings(settings, engine.GeneratorOptions.Storage));
        var interval = settings.Registry.CollectionInterval;
        if (former.Registry.CollectionInterval != interval)
            _collecting.Change(interval, interval);
    }

    // One of another number of shards than the tenant has now has nothing to count any more, and ends its series.
    private GeneratorSettings ResolveSettings()
    {
        _overrides = engine.Overrides.For(_tenant);
        var settings = GeneratorSettings.Resolve(engine.GeneratorOptions, _overrides);
        return Math.Max(1, settings.RingSize) == Math.Max(1, _shard.Count)
            ? settings
            : settings.WithoutProcessors();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator {Generator} failed at a batch; it goes on with the next")]
    private static partial void BatchFailed(ILogger logger, string generator, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator {Generator} failed at a collection; it goes on with the next")]
    private static partial void CollectionFailed(ILogger logger, string generator, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator {Generator}: its claim could not be renewed, and nothing is sent until it is: {Reason}")]
    private static partial void ClaimNotRenewed(ILogger logger, string generator, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator {Generator}: another silo has taken over its series; this one sends nothing more and ends")]
    private static partial void ClaimLost(ILogger logger, string generator);

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator {Generator} could not hand its series over; its counters begin again at 0")]
    private static partial void NotHandedOver(ILogger logger, string generator, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator {Generator}: counters begin again at 0: {Reason}")]
    private static partial void NotRestored(ILogger logger, string generator, string? reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "metrics-generator {Generator}: a collection could not be kept before it was sent, and counters would begin again at 0 after a crash until the next is kept: {Reason}")]
    private static partial void NotPersisted(ILogger logger, string generator, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "metrics-generator {Generator}: {Samples} samples could not be sent before it moved, and are lost; its counters go on")]
    private static partial void SamplesLeft(ILogger logger, string generator, long samples);
}
