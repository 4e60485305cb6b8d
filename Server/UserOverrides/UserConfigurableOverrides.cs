using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.UserOverrides;

/// <summary>
/// What tenants set for themselves: kept in the object store, read from there by every process again and again, and laid over what
/// the operator has set.
/// <code>
///   /api/overrides ──► changed by condition ──► object store ──► polled ──► layers ──► generators
///                          └── in this process at once ─────────────────────┘
/// </code>
/// </summary>
/// <remarks>
/// Limits that cannot be read, or whose values are not allowed, change nothing: the tenant's last good ones stay, the problem is
/// logged once and counted. Without good ones since the start the operator's overrides hold alone.
/// </remarks>
internal sealed partial class UserConfigurableOverrides : IAsyncDisposable
{
    /// <summary>The version of what is not there yet.</summary>
    public const string NewVersion = "0";

    private const int ReadsAtOnce = 16;
    private const int PatchAttempts = 5;

    private readonly UserConfigurableOverridesOptions _options;
    private readonly MetricsGeneratorOptions _generator;
    private readonly LayeredOverrides _layers;
    private readonly TenantLimitsStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Counter<long> _reloadFailed;
    private readonly Counter<long> _fetchFailed;
    private readonly CancellationTokenSource _stop = new();

    // One change at a time in this process, so that what it holds is what it put last.
    private readonly SemaphoreSlim _changing = new(1);
    private readonly SemaphoreSlim _polling = new(1);

    // Guards _changedMeanwhile, together with the layers as far as a poll and a change are about the same tenant.
    private readonly Lock _laying = new();
    private readonly HashSet<TenantId> _changedMeanwhile = [];
    private readonly ConcurrentDictionary<TenantId, string> _complaints = new();
    private Task _loop = Task.CompletedTask;

    private UserConfigurableOverrides(
        UserConfigurableOverridesOptions options, MetricsGeneratorOptions generator, IOverrides operators, IObjectStore store, TempoMetrics metrics, TimeProvider time, ILogger logger)
    {
        _options = options;
        _generator = generator;
        _layers = new LayeredOverrides(operators);
        _store = new TenantLimitsStore(store, metrics);
        _time = time;
        _logger = logger;
        _reloadFailed = metrics.Meter.CreateCounter<long>(
            "tempo_overrides_user_configurable_overrides_reload_failed_total", null, "Times the user-configurable overrides could not be read again, all or some of them");
        _reloadFailed.Add(0);
        _fetchFailed = metrics.Meter.CreateCounter<long>(
            "tempo_overrides_user_configurable_overrides_fetch_failed_total", null, "Times user-configurable overrides could not be fetched or not be used, by tenant");
    }

    /// <summary>The operator's overrides with the tenants' own laid over them.</summary>
    public LayeredOverrides Overrides => _layers;

    /// <summary>Reads them for the first time, and then again and again until disposed.</summary>
    /// <exception cref="IOException">The store cannot be read: what tenants have set is not known, and to generate as if they had set nothing is no way to start.</exception>
    public static async Task<UserConfigurableOverrides> OpenAsync(
        UserConfigurableOverridesOptions options,
        MetricsGeneratorOptions generator,
        IOverrides operators,
        IObjectStore store,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken)
    {
        var overrides = new UserConfigurableOverrides(options, generator, operators, store, metrics, time, logger);
        if (await overrides.ReadAllAsync(cancellationToken) is { } failure)
            throw failure;
        overrides._loop = overrides.RunAsync(new PeriodicTimer(options.PollInterval, time));
        return overrides;
    }

    /// <summary>Reads all of them now; what the timer does.</summary>
    public async Task PollAsync(CancellationToken cancellationToken)
    {
        await _polling.WaitAsync(cancellationToken);
        try
        {
            if (await ReadAllAsync(cancellationToken) is { } failure)
                LogPollFailed(failure.Message);
        }
        finally
        {
            _polling.Release();
        }
    }

    /// <summary>A tenant's limits as the store has them now; null for none.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    public async Task<StoredLimits?> GetAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        if (await _store.GetAsync(tenant, cancellationToken) is not { } stored)
            return null;
        var limits = TenantLimits.TryParse(stored.Content.Span, out var problems);
        return new StoredLimits(limits, problems, VersionOf(stored.ETag));
    }

    /// <summary>What the tenant could set itself, as it holds in this process: its own limits over what the operator has set.</summary>
    public TenantLimits Merged(TenantId tenant) => TenantLimits.Of(_layers.For(tenant));

    /// <summary>The tenant's own limits as they hold in this process; null for none.</summary>
    public TenantLimits? LimitsOf(TenantId tenant) => (_layers.LayerOf(tenant) as Layer)?.Limits;

    /// <summary>Puts limits in the place of a version.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="limits">What is to hold.</param>
    /// <param name="version">What is to be replaced, or <see cref="NewVersion"/>.</param>
    /// <param name="skipConflictCheck">Whatever the operator has set.</param>
    /// <param name="cancellationToken">Whether it was done is not known then.</param>
    /// <exception cref="IOException">The store fails; whether it was done is not known.</exception>
    public Task<ChangeResult> PutAsync(TenantId tenant, TenantLimits limits, string version, bool skipConflictCheck, CancellationToken cancellationToken) =>
        ChangeAsync(
            async () =>
            {
                var stored = await _store.GetAsync(tenant, cancellationToken);
                if (Refuse(tenant, limits, stored, skipConflictCheck) is { } refused)
                    return refused;
                return VersionOf(stored?.ETag) == version ? await PutAsync(tenant, limits, stored?.ETag, cancellationToken) : OtherVersion();
            },
            cancellationToken);

    /// <summary>Merges a patch into the limits that are there, whichever version they are.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="patch">A JSON merge patch.</param>
    /// <param name="skipConflictCheck">Whatever the operator has set.</param>
    /// <param name="cancellationToken">Whether it was done is not known then.</param>
    /// <exception cref="IOException">The store fails; whether it was done is not known.</exception>
    public Task<ChangeResult> PatchAsync(TenantId tenant, JsonNode? patch, bool skipConflictCheck, CancellationToken cancellationToken) =>
        ChangeAsync(
            async () =>
            {
                for (var attempt = 0; attempt < PatchAttempts; attempt++)
                {
                    var stored = await _store.GetAsync(tenant, cancellationToken);
                    JsonNode? former = null;
                    if (stored is { } there)
                    {
                        if (TenantLimits.TryParse(there.Content.Span, out var broken) is not { } limits)
                            return new ChangeResult(ChangeStatus.Invalid, $"the stored overrides cannot be patched; replace them: {broken}");
                        former = limits.ToJson();
                    }

                    if (TenantLimits.TryCreate(MergePatch.Apply(former, patch), out var problems) is not { } patched)
                        return new ChangeResult(ChangeStatus.Invalid, problems);
                    if (Refuse(tenant, patched, stored, skipConflictCheck) is { } refused)
                        return refused;
                    if (await PutAsync(tenant, patched, stored?.ETag, cancellationToken) is { Status: ChangeStatus.Done } done)
                        return done;
                }

                return new ChangeResult(ChangeStatus.Contended, "overrides have been modified during request processing, try again");
            },
            cancellationToken);

    /// <summary>Deletes a version.</summary>
    /// <exception cref="IOException">The store fails; whether it was done is not known.</exception>
    public Task<ChangeResult> DeleteAsync(TenantId tenant, string version, CancellationToken cancellationToken) =>
        ChangeAsync(
            async () =>
            {
                if (await _store.GetAsync(tenant, cancellationToken) is not { } stored)
                    return new ChangeResult(ChangeStatus.NotFound, $"tenant '{tenant}' has no overrides of its own");
                if (VersionOf(stored.ETag) != version || !await _store.DeleteAsync(tenant, stored.ETag, cancellationToken))
                    return OtherVersion();
                Lay(tenant, null);
                LogDeleted(tenant);
                return new ChangeResult(ChangeStatus.Done);
            },
            cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _layers.Dispose();
        _stop.Dispose();
    }

    // HTTP puts quotes around them, some stores do, and clients may or may not.
    private static string VersionOf(string? etag) => etag?.Trim('"') ?? NewVersion;

    private static ChangeResult OtherVersion() => new(ChangeStatus.OtherVersion, "version does not match");

    private async Task<ChangeResult> ChangeAsync(Func<Task<ChangeResult>> change, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            return await change();
        }
        finally
        {
            _changing.Release();
        }
    }

    private ChangeResult? Refuse(TenantId tenant, TenantLimits limits, StoredObject? stored, bool skipConflictCheck)
    {
        var operators = _layers.Operators.For(tenant);
        if (limits.Over(operators, _generator, out var problems) is null)
            return new ChangeResult(ChangeStatus.Invalid, problems);
        if (_options.Api.CheckForConflictingRuntimeOverrides && !skipConflictCheck && stored is null && TenantLimits.IsSetIn(operators))
            return new ChangeResult(ChangeStatus.Conflicting, "tenant has conflicting overrides set in runtime config, contact your system administrator to perform changes through the API");
        return null;
    }

    private async Task<ChangeResult> PutAsync(TenantId tenant, TenantLimits limits, string? etag, CancellationToken cancellationToken)
    {
        if (await _store.PutAsync(tenant, limits.ToUtf8(), etag, cancellationToken) is not { } put)
            return OtherVersion();
        Lay(tenant, new Layer(this, tenant, limits, put));
        LogStored(tenant, VersionOf(put));
        return new ChangeResult(ChangeStatus.Done, Limits: limits, Version: VersionOf(put));
    }

    private void Lay(TenantId tenant, Layer? layer)
    {
        lock (_laying)
        {
            _changedMeanwhile.Add(tenant);
            _complaints.TryRemove(tenant, out _);
            _layers.Set([new(tenant, layer)]);
        }
    }

    private async Task RunAsync(PeriodicTimer timer)
    {
        using (timer)
        {
            try
            {
                while (await timer.WaitForNextTickAsync(_stop.Token))
                    await PollAsync(_stop.Token);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
            }
        }
    }

    // What could not be read, where anything could not; the tenants it is about keep what they have.
    private async Task<IOException?> ReadAllAsync(CancellationToken cancellationToken)
    {
        lock (_laying)
            _changedMeanwhile.Clear();

        IOException? failure = null;
        var failed = false;
        var layers = new ConcurrentDictionary<TenantId, IOverridesLayer?>();
        try
        {
            var tenants = await _store.ListAsync(cancellationToken);
            foreach (var gone in _layers.Tenants.Except(tenants))
                layers[gone] = null;
            foreach (var gone in _complaints.Keys.Except(tenants))
                _complaints.TryRemove(gone, out _);
            await Parallel.ForEachAsync(tenants, new ParallelOptions { MaxDegreeOfParallelism = ReadsAtOnce, CancellationToken = cancellationToken }, async (tenant, cancellation) =>
            {
                try
                {
                    var stored = await _store.GetAsync(tenant, cancellation);
                    if (stored is not { } there)
                        layers[tenant] = null;
                    else if (Accept(tenant, there) is { } layer)
                        layers[tenant] = layer;
                    else
                        failed = true;
                }
                catch (IOException e)
                {
                    CountFailure(tenant);
                    failure = e;
                }
            });
        }
        catch (IOException e)
        {
            failure = e;
            layers.Clear();
        }

        if (failed || failure is not null)
            _reloadFailed.Add(1);
        lock (_laying)
            _layers.Set([.. layers.Where(layer => !_changedMeanwhile.Contains(layer.Key))]);
        return failure;
    }

    // Null where they cannot be used.
    private Layer? Accept(TenantId tenant, StoredObject stored)
    {
        if (_layers.LayerOf(tenant) is Layer former && former.ETag == stored.ETag)
            return former;

        var limits = TenantLimits.TryParse(stored.Content.Span, out var problems);
        if (limits?.Over(_layers.Operators.For(tenant), _generator, out problems) is not null)
        {
            _complaints.TryRemove(tenant, out _);
            return new Layer(this, tenant, limits, stored.ETag);
        }

        CountFailure(tenant);

        // The same mistake is told once, not every minute.
        if (_complaints.GetValueOrDefault(tenant) != problems)
            LogRefused(tenant, problems);
        _complaints[tenant] = problems;
        return null;
    }

    private void CountFailure(TenantId tenant) => _fetchFailed.Add(1, new KeyValuePair<string, object?>("tenant", tenant.Value));

    [LoggerMessage(2301, LogLevel.Error, "The user-configurable overrides could not be read again; the previous ones stay in force: {Reason}")]
    private partial void LogPollFailed(string reason);

    [LoggerMessage(2302, LogLevel.Error, "The user-configurable overrides of tenant {Tenant} cannot be used; the previous ones stay in force: {Problems}")]
    private partial void LogRefused(TenantId tenant, string problems);

    [LoggerMessage(2303, LogLevel.Error, "The user-configurable overrides of tenant {Tenant} conflict with what the operator has set for it, which applies without them: {Problems}")]
    private partial void LogNotTogether(TenantId tenant, string problems);

    [LoggerMessage(2304, LogLevel.Information, "Stored the user-configurable overrides of tenant {Tenant}, version {Version}")]
    private partial void LogStored(TenantId tenant, string version);

    [LoggerMessage(2305, LogLevel.Information, "Deleted the user-configurable overrides of tenant {Tenant}")]
    private partial void LogDeleted(TenantId tenant);

    /// <summary>A tenant's limits of one version, laid over whatever the operator's are.</summary>
    private sealed class Layer(UserConfigurableOverrides owner, TenantId tenant, TenantLimits limits, string etag) : IOverridesLayer
    {
        public TenantLimits Limits => limits;

        public string ETag => etag;

        // What went together with the operator's overrides need not go together with others of theirs, and theirs must hold.
        public TenantOverrides Over(TenantOverrides operators)
        {
            if (limits.Over(operators, owner._generator, out var problems) is { } both)
                return both;
            owner.CountFailure(tenant);
            owner.LogNotTogether(tenant, problems);
            return operators;
        }
    }
}

/// <summary>What became of a change of a tenant's limits.</summary>
/// <param name="Status">In a word.</param>
/// <param name="Problem">In a sentence, for the client; empty where it was done.</param>
/// <param name="Limits">What holds now; null where nothing does, or it was not done.</param>
/// <param name="Version">The version of that.</param>
internal readonly record struct ChangeResult(ChangeStatus Status, string Problem = "", TenantLimits? Limits = null, string Version = "");

/// <summary>What became of a change of a tenant's limits.</summary>
internal enum ChangeStatus
{
    Done,

    /// <summary>There was nothing to delete.</summary>
    NotFound,

    /// <summary>What is there is not the version that was to be changed.</summary>
    OtherVersion,

    /// <summary>The limits, or the patch, cannot be taken.</summary>
    Invalid,

    /// <summary>The operator has set some of the same fields.</summary>
    Conflicting,

    /// <summary>Others changed it each time that it was tried.</summary>
    Contended,
}
