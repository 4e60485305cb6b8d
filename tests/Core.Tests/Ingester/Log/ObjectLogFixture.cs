using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Tests.Objects;
using static OrleansTempo.Core.Tests.Ingester.Log.WalTestData;

namespace OrleansTempo.Core.Tests.Ingester.Log;

/// <summary>An in-memory store, processes that log to it, each with a view of its own, and the faults that can happen to them.</summary>
public abstract class ObjectLogFixture : IDisposable
{
    private protected static readonly TimeSpan Lease = TimeSpan.FromSeconds(30);

    private readonly Dictionary<ObjectWriteAheadLog, WalIdentity> _identities = [];

    protected ObjectLogFixture()
    {
        Values = new MetricValues(Metrics);
        Store = new InMemoryObjectStore(Time);
    }

    private protected ManualTimeProvider Time { get; } = new();

    private protected TempoMetrics Metrics { get; } = new();

    private protected MetricValues Values { get; }

    private protected InMemoryObjectStore Store { get; }

    private protected Dictionary<ObjectWriteAheadLog, InMemoryObjectStore> Views { get; } = [];

    private protected static WalOptions Options => new() { Type = WalType.Object, CommitBytes = 10_000 };

    public virtual void Dispose()
    {
        Values.Dispose();
        Metrics.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected static async Task UntilAsync(Func<bool> condition)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < TimeSpan.FromSeconds(30), "what the test waits for does not come");
            await Task.Yield();
        }
    }

    private protected async Task<(ReplayResult? Result, List<string> Records)> AdoptAsync(ObjectWriteAheadLog log, string stream)
    {
        var records = new List<string>();
        var result = await OrphansOf(log).AdoptAsync(
            stream,
            record =>
            {
                records.Add(Text(record.Tenant, record.Request.Span));
                return default;
            },
            CancellationToken.None);
        return (result, records);
    }

    private protected OrphanedStreams OrphansOf(ObjectWriteAheadLog log) =>
        new(Views[log], _identities[log], log.Stream, Metrics, Time, NullLogger.Instance, Lease);

    private protected async Task<ObjectWriteAheadLog> OpenAsync(string? stream, WalIdentity? identity = null, WalOptions? options = null)
    {
        var view = Store.View();
        identity ??= WalIdentity.None(NullLogger.Instance);
        var log = await ObjectWriteAheadLog.OpenAsync(view, options ?? Options, identity, Metrics, Time, NullLogger.Instance, stream, Lease);
        Views.Add(log, view);
        _identities.Add(log, identity);
        return log;
    }

    // Time passes, and living processes renew their records.
    private protected async Task PassAsync(TimeSpan by, params ObjectWriteAheadLog[] living)
    {
        var step = Lease / 6;
        for (var passed = TimeSpan.Zero; passed < by; passed += step)
        {
            Time.Advance(step);
            await UntilAsync(() => Time.TimersBegun(step) == living.Length);
        }
    }

    // None of its requests to the store ever returns, and it renews its record no more.
    private protected Task DieAsync(ObjectWriteAheadLog log, params ObjectWriteAheadLog[] living)
    {
        Views[log].Before = static (_, _) => new TaskCompletionSource().Task;
        return PassAsync(Lease + TimeSpan.FromSeconds(5), living);
    }

    // Its calls of that operation, or all calls, wait until the source is set, while time passes.
    private protected TaskCompletionSource StandStill(ObjectWriteAheadLog log, string operation, TimeSpan by)
    {
        var goesOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Views[log].Before = (called, _) => operation.Length == 0 || called == operation ? goesOn.Task : Task.CompletedTask;
        Time.Advance(by);
        return goesOn;
    }
}
