using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Otlp;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Storage;
using OrleansTempo.Core.Tests;

namespace OrleansTempo.Standalone.Tests;

public sealed class GeneratorMailboxesTests : IDisposable
{
    private readonly TempoMetrics _metrics = new();
    private readonly MetricValues _counters;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("orleanstempo-");

    public GeneratorMailboxesTests() => _counters = new MetricValues(_metrics);

    public void Dispose()
    {
        _counters.Dispose();
        _metrics.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task What_is_offered_is_counted_and_every_buffer_comes_back()
    {
        using var mailboxes = Open(new ChangingOverrides("span-metrics"));
        var memory = new RequestMemory(long.MaxValue);
        for (var i = 0; i < 100; i++)
            Offer(mailboxes, memory);

        await mailboxes.StopAsync();

        Assert.Equal(100, _counters["tempo_distributor_forwarder_pushes_total"]);
        Assert.Equal(100, _counters["tempo_metrics_generator_spans_received_total"]);
        Assert.Equal(0, _counters["tempo_distributor_forwarder_pushes_failures_total"]);
        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public async Task After_the_stop_batches_are_counted_as_dropped_and_released()
    {
        using var mailboxes = Open(new ChangingOverrides("span-metrics"));
        Offer(mailboxes);
        await mailboxes.StopAsync();
        var memory = new RequestMemory(long.MaxValue);

        Offer(mailboxes, memory);

        Assert.Equal(1, _counters["tempo_distributor_forwarder_pushes_failures_total"]);
        Assert.Equal(0, memory.OutstandingBytes);
    }

    [Fact]
    public async Task A_tenant_without_processors_takes_and_counts_nothing_until_its_overrides_say_otherwise()
    {
        var overrides = new ChangingOverrides();
        using var mailboxes = Open(overrides);
        Offer(mailboxes);
        Assert.False(await mailboxes.VisitAsync(TenantId.Single, new Names(), CancellationToken.None));

        overrides.Change("span-metrics-count");
        Offer(mailboxes);

        var names = new Names();
        Assert.True(await mailboxes.VisitAsync(TenantId.Single, names, CancellationToken.None));
        Assert.Equal(["traces_spanmetrics_calls_total"], names.Seen);
        Assert.Equal(1, _counters["tempo_distributor_forwarder_pushes_total"]);
        await mailboxes.StopAsync();
    }

    [Fact]
    public async Task An_enabled_tenant_of_whom_nothing_has_come_has_a_page_without_series()
    {
        using var mailboxes = Open(new ChangingOverrides("span-metrics"));
        var names = new Names();

        Assert.True(await mailboxes.VisitAsync(TenantId.Single, names, CancellationToken.None));

        Assert.Empty(names.Seen);
    }

    [Fact]
    public async Task What_a_process_could_not_send_is_sent_by_the_next_one_though_nothing_of_the_tenant_comes()
    {
        var folder = Directory.CreateTempSubdirectory("mailboxes").FullName;
        using var nobody = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        nobody.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var options = new MetricsGeneratorOptions
        {
            Storage = new GeneratorStorageOptions
            {
                Path = folder,
                RemoteWriteFlushDeadline = TimeSpan.FromMilliseconds(1),
                RemoteWrite = [new RemoteWriteOptions { Url = $"http://{nobody.LocalEndPoint}/push" }],
            },
        };
        try
        {
            using (var first = Open(new ChangingOverrides("span-metrics-count"), options))
            {
                Offer(first);
                await first.StopAsync();
            }

            Assert.Equal(0, _counters["samples_dropped_total{shutdown}"]);
            Assert.Equal(0, _counters["samples_pending"]);
            using var next = Open(new ChangingOverrides("span-metrics-count"), options);
            Assert.Equal(0, _counters["samples_pending"]);

            next.OpenWaiting();

            // Of one series, with its explicit 0.
            Assert.Equal(2, _counters["samples_pending_on_disk"]);
            await next.StopAsync();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private GeneratorMailboxes Open(IOverrides overrides, MetricsGeneratorOptions options) => new(options, overrides, Store(), _metrics, TimeProvider.System, NullLogger.Instance);

    private GeneratorMailboxes Open(IOverrides overrides) => new(new MetricsGeneratorOptions(), overrides, Store(), _metrics, TimeProvider.System, NullLogger.Instance);

    private FileObjectStore Store() => new(_folder.FullName, TimeProvider.System, NullLogger.Instance);

    /// <summary>One span without a service, ending now.</summary>
    internal static void Offer(GeneratorMailboxes mailboxes, RequestMemory? memory = null)
    {
        var batch = Batch(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), memory);
        mailboxes.Offer(TenantId.Single, batch);
        batch.Release();
    }

    internal static SpanBatch Batch(long endMs, RequestMemory? memory = null)
    {
        byte[] span = [0x0A, 16, .. new byte[15], 1, 0x12, 8, .. new byte[7], 1, 0x41, .. BitConverter.GetBytes((ulong)endMs * 1_000_000)];
        byte[] scope = [0x12, (byte)span.Length, .. span];
        byte[] resource = [0x12, (byte)scope.Length, .. scope];
        byte[] request = [0x0A, (byte)resource.Length, .. resource];
        Assert.True(SpanBatch.TryRead((memory ?? new RequestMemory(long.MaxValue)).Copy(request), 0, out var batch, out _));
        return batch;
    }

    private sealed class ChangingOverrides(params string[] processors) : IOverrides
    {
        private TenantOverrides _now = With(processors);

        public event Action? Changed;

        public long Version { get; private set; }

        public TenantOverrides For(TenantId tenant) => _now;

        public void Change(params string[] to)
        {
            _now = With(to);
            Version++;
            Changed?.Invoke();
        }

        private static TenantOverrides With(string[] processors) => new() { MetricsGenerator = new MetricsGeneratorOverrides { Processors = processors } };
    }

    private sealed class Names : ISeriesVisitor
    {
        public List<string> Seen { get; } = [];

        public void Visit(in SeriesPoint point) => Seen.Add(point.Name.Name);
    }
}
