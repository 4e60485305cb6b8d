using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core;
using OrleansTempo.Core.Configuration;
using OrleansTempo.Core.Configuration.Overrides;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Server.Configuration.Reading;
using OrleansTempo.Server.UserOverrides;

namespace OrleansTempo.Server.Configuration.Tenants;

/// <summary>
/// The overrides that a configuration asks for: its defaults, the file per tenant where it names one, and what tenants set for
/// themselves where it allows that. The last are in the object store, so they come when that is open.
/// </summary>
public sealed class ConfiguredOverrides : IAsyncDisposable
{
    private static readonly (DeclaredOption Block, DeclaredOption Option)[] s_limits =
        [.. OptionTable.Of(typeof(TenantOverrides)).SelectMany(static block => OptionTable.Of(block.Type).Where(static option => option.LimitMetric is not null).Select(option => (block, option)))];

    private readonly TempoOptions _options;
    private readonly FileOverrides? _file;
    private readonly TempoMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILoggerFactory _loggerFactory;
    private IObjectStore? _ownStore;

    private ConfiguredOverrides(TempoOptions options, FileOverrides? file, TempoMetrics metrics, TimeProvider time, ILoggerFactory loggerFactory)
    {
        _options = options;
        _file = file;
        _metrics = metrics;
        _time = time;
        _loggerFactory = loggerFactory;
        Operators = (IOverrides?)file ?? new StaticOverrides(options.Overrides.Defaults);
        metrics.Meter.CreateObservableGauge("tempo_limits_defaults", () => LimitsOf(Defaults), null, "Limits of tenants without overrides, by limit_name");
        metrics.Meter.CreateObservableGauge("tempo_limits_overrides", LimitsOfEntries, null, "Limits of tenants with an entry in the per-tenant overrides, by limit_name and user, who is a tenant");
    }

    /// <summary>What holds, all layers together.</summary>
    public IOverrides Current => (IOverrides?)UserConfigurable?.Overrides ?? Operators;

    /// <summary>What the operator has set.</summary>
    internal IOverrides Operators { get; }

    internal TenantOverrides Defaults => _options.Overrides.Defaults;

    /// <summary>The entries of the file by tenant, <see cref="OverridesReader.Wildcard"/> among them; empty without a file.</summary>
    internal IReadOnlyDictionary<string, TenantOverrides> FileEntries => _file?.Entries ?? new Dictionary<string, TenantOverrides>();

    /// <summary>What tenants set for themselves; null where they may not.</summary>
    internal UserConfigurableOverrides? UserConfigurable { get; private set; }

    /// <summary>Opens what the operator has set; what is wrong with the file is logged, and false returned where it cannot be used.</summary>
    public static bool TryOpen(
        TempoOptions options,
        IReadOnlyDictionary<string, string> environment,
        TempoMetrics metrics,
        TimeProvider time,
        ILoggerFactory loggerFactory,
        ILogger logger,
        out ConfiguredOverrides overrides)
    {
        FileOverrides? file = null;
        var succeeded = true;
        if (options.Overrides.PerTenantOverrideConfig.Length > 0)
        {
            var opened = FileOverrides.Open(options.Overrides, options.MetricsGenerator, environment, metrics, time, loggerFactory.CreateLogger<FileOverrides>());
            ConfigurationLog.Write(logger, opened.Errors, opened.Warnings);
            file = opened.Value;
            succeeded = opened.Succeeded;
        }

        overrides = new ConfiguredOverrides(options, file, metrics, time, loggerFactory);
        return succeeded;
    }

    /// <summary>Reads what tenants have set for themselves, where the configuration allows that; <see cref="Current"/> has it from then on.</summary>
    /// <param name="traces">The object store of the traces; stays the caller's.</param>
    /// <param name="open">Opens another one, where the configuration names one for overrides alone.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="IOException">The store cannot be opened or read.</exception>
    /// <exception cref="ArgumentException">This program cannot open such a store; the message names the key.</exception>
    public async Task OpenUserConfigurableAsync(IObjectStore traces, Func<string, TraceStorageOptions, Task<IObjectStore>> open, CancellationToken cancellationToken)
    {
        var options = _options.Overrides.UserConfigurableOverrides;
        if (!options.Enabled)
            return;
        if (options.Client.OwnStore(_options.Storage.Trace) is { } own)
            _ownStore = await open("overrides.user_configurable_overrides.client.backend", own);
        UserConfigurable = await UserConfigurableOverrides.OpenAsync(
            options, _options.MetricsGenerator, Operators, _ownStore ?? traces, _metrics, _time, _loggerFactory.CreateLogger<UserConfigurableOverrides>(), cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (UserConfigurable is not null)
            await UserConfigurable.DisposeAsync();
        (_ownStore as IDisposable)?.Dispose();
        _file?.Dispose();
    }

    private IEnumerable<Measurement<double>> LimitsOfEntries() =>
        FileEntries.Where(static entry => entry.Key != OverridesReader.Wildcard).SelectMany(static entry => LimitsOf(entry.Value, new KeyValuePair<string, object?>("user", entry.Key)));

    private static IEnumerable<Measurement<double>> LimitsOf(TenantOverrides overrides, params KeyValuePair<string, object?>[] tags) => s_limits.Select(limit =>
    {
        var value = limit.Option.Property.GetValue(limit.Block.Property.GetValue(overrides));

        // Tempo shows a duration in nanoseconds.
        return new Measurement<double>(
            value is TimeSpan duration ? duration.TotalNanoseconds : Convert.ToDouble(value, CultureInfo.InvariantCulture), [new("limit_name", limit.Option.LimitMetric), .. tags]);
    });
}
