using System.Collections.Frozen;
using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Server.Configuration.Reading;

namespace OrleansTempo.Server.Configuration.Tenants;

/// <summary>
/// <c>overrides.defaults</c> with the entries of the <c>per_tenant_override_config</c> file laid over them, the file read again every
/// <c>per_tenant_override_period</c>. A tenant has its own entry, or that of <c>*</c>, or the defaults.
/// </summary>
/// <remarks>
/// A lookup reads a dictionary that is never changed, only replaced. A file that cannot be read, has an error or has no <c>overrides</c> in it changes nothing:
/// the last good one stays, each problem is logged with its line once, and
/// <c>tempo_runtime_config_last_reload_successful</c> says 0 until the file is good again.
/// </remarks>
public sealed partial class FileOverrides : IOverrides, IDisposable
{
    private readonly OverridesOptions _options;
    private readonly MetricsGeneratorOptions _generator;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly ILogger<FileOverrides> _logger;
    private readonly Lock _reloading = new();
    private ITimer? _timer;
    private Snapshot _snapshot;
    private string? _lastText;
    private TenantEntries? _lastEntries;
    private string? _lastFailure;
    private long _version;
    private int _lastReloadSuccessful;

    private FileOverrides(
        OverridesOptions options, MetricsGeneratorOptions generator, IReadOnlyDictionary<string, string> environment, ILogger<FileOverrides> logger)
    {
        _options = options;
        _generator = generator;
        _environment = environment;
        _logger = logger;
        _snapshot = new Snapshot(FrozenDictionary<TenantId, TenantOverrides>.Empty, options.Defaults, new Dictionary<string, TenantOverrides>(), "");
    }

    public event Action? Changed;

    public long Version => Volatile.Read(ref _version);

    /// <summary>The file's entries by tenant, <see cref="OverridesReader.Wildcard"/> among them.</summary>
    internal IReadOnlyDictionary<string, TenantOverrides> Entries => Volatile.Read(ref _snapshot).Entries;

    /// <summary>Reads the file for the first time, where errors and warnings are the caller's, and then again and again until disposed.</summary>
    /// <param name="options">With a <see cref="OverridesOptions.PerTenantOverrideConfig"/>.</param>
    /// <param name="generator">What tenants' entries are laid over, for checking what comes out.</param>
    /// <param name="environment">What <c>${VAR}</c> stands for.</param>
    /// <param name="metrics">Takes the gauge of the last reload.</param>
    /// <param name="time">Turns the clock of rereading.</param>
    /// <param name="logger">Hears of changes and problems.</param>
    public static ConfigurationResult<FileOverrides> Open(
        OverridesOptions options,
        MetricsGeneratorOptions generator,
        IReadOnlyDictionary<string, string> environment,
        TempoMetrics metrics,
        TimeProvider time,
        ILogger<FileOverrides> logger)
    {
        var overrides = new FileOverrides(options, generator, environment, logger);
        var first = overrides.Read(out var text);
        if (!first.Succeeded)
            return new ConfigurationResult<FileOverrides> { Errors = first.Errors, Warnings = first.Warnings };

        overrides.Apply(text, first);
        metrics.Meter.CreateObservableGauge(
            "tempo_runtime_config_last_reload_successful",
            () => new Measurement<int>(overrides._lastReloadSuccessful, new KeyValuePair<string, object?>("config", "overrides")),
            null,
            "1 where the last reading of the per-tenant overrides succeeded");
        metrics.Meter.CreateObservableGauge(
            "tempo_runtime_config_hash",
            () => new Measurement<long>(1, new("config", "overrides"), new("sha256", Volatile.Read(ref overrides._snapshot).Sha256)),
            null,
            "1, with the SHA-256 of the per-tenant overrides that hold");
        overrides._timer = time.CreateTimer(static state => ((FileOverrides)state!).Reload(), overrides, options.PerTenantOverridePeriod, options.PerTenantOverridePeriod);
        return new ConfigurationResult<FileOverrides> { Value = overrides, Warnings = first.Warnings };
    }

    /// <summary>Reads the file once, for who only asks what is wrong with it; as <see cref="Open"/> would.</summary>
    internal static ConfigurationResult<TenantEntries> Verify(
        OverridesOptions options, MetricsGeneratorOptions generator, IReadOnlyDictionary<string, string> environment)
    {
        using var overrides = new FileOverrides(options, generator, environment, NullLogger<FileOverrides>.Instance);
        return overrides.Read(out _);
    }

    public TenantOverrides For(TenantId tenant)
    {
        var snapshot = Volatile.Read(ref _snapshot);
        return snapshot.Tenants.TryGetValue(tenant, out var overrides) ? overrides : snapshot.Others;
    }

    public bool Knows(TenantId tenant) => Volatile.Read(ref _snapshot).Tenants.ContainsKey(tenant);

    /// <summary>Reads the file now; what the timer does.</summary>
    public void Reload()
    {
        // A reading that takes longer than the period is not worth queueing behind.
        if (!_reloading.TryEnter())
            return;

        try
        {
            var result = Read(out var text);
            if (!result.Succeeded)
            {
                Keep(result.Errors);
            }
            else if (Apply(text, result))
            {
                foreach (var warning in result.Warnings)
                    LogOverridesWarning(warning);
                Changed?.Invoke();
            }
        }
        finally
        {
            _reloading.Exit();
        }
    }

    public void Dispose() => _timer?.Dispose();

    private ConfigurationResult<TenantEntries> Read(out string text)
    {
        var path = _options.PerTenantOverrideConfig;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            text = "";
            var problems = new Problems(path);
            problems.Error(default, $"the file of overrides.per_tenant_override_config cannot be read: {e.Message}");
            return problems.Result<TenantEntries>(null);
        }

        return text == _lastText
            ? new ConfigurationResult<TenantEntries> { Value = _lastEntries }
            : TempoConfiguration.ParseTenants(text, path, _environment, _lastEntries, _options.Defaults, _generator);
    }

    // Whether anything differs from before.
    private bool Apply(string text, ConfigurationResult<TenantEntries> result)
    {
        Volatile.Write(ref _lastReloadSuccessful, 1);
        _lastFailure = null;
        if (text == _lastText)
            return false;

        var read = result.Value!.Overrides;
        var tenants = new Dictionary<TenantId, TenantOverrides>();
        foreach (var (name, overrides) in read)
        {
            if (TenantId.TryParse(name, out var tenant, out _) && name != OverridesReader.Wildcard)
                tenants[tenant] = overrides;
        }

        _lastText = text;
        _lastEntries = result.Value;
        Volatile.Write(ref _snapshot, new Snapshot(
            tenants.ToFrozenDictionary(),
            read.GetValueOrDefault(OverridesReader.Wildcard, _options.Defaults),
            read,
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))));
        Interlocked.Increment(ref _version);
        LogRead(_options.PerTenantOverrideConfig, tenants.Count);
        return true;
    }

    private void Keep(IReadOnlyList<ConfigurationProblem> errors)
    {
        Volatile.Write(ref _lastReloadSuccessful, 0);

        // The same mistake is told once, not every ten seconds.
        var failure = string.Join('\n', errors);
        if (failure == _lastFailure)
            return;

        _lastFailure = failure;
        foreach (var error in errors)
            LogOverridesError(error);
        LogKept(_options.PerTenantOverrideConfig, errors.Count);
    }

    [LoggerMessage(2103, LogLevel.Information, "Read the per-tenant overrides {Path}: {Tenants} tenants have their own")]
    private partial void LogRead(string path, int tenants);

    [LoggerMessage(2104, LogLevel.Warning, "Per-tenant overrides: {Problem}")]
    private partial void LogOverridesWarning(ConfigurationProblem problem);

    [LoggerMessage(2105, LogLevel.Error, "Per-tenant overrides: {Problem}")]
    private partial void LogOverridesError(ConfigurationProblem problem);

    [LoggerMessage(2106, LogLevel.Error, "The per-tenant overrides {Path} have {Errors} errors; the previous ones stay in force")]
    private partial void LogKept(string path, int errors);

    /// <summary>One reading of the file: tenants with an entry, what holds for the others, the same as the file has it, and the hash of its text.</summary>
    private sealed record Snapshot(
        FrozenDictionary<TenantId, TenantOverrides> Tenants, TenantOverrides Others, IReadOnlyDictionary<string, TenantOverrides> Entries, string Sha256);
}
