using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace OrleansTempo.Client.Tests;

/// <summary>The exporter within OpenTelemetry's own processor and provider.</summary>
public sealed class OrleansTempoExporterTests : IDisposable
{
    private readonly ActivitySource _source = new(Guid.NewGuid().ToString());
    private readonly List<string> _sent = [];

    public void Dispose() => _source.Dispose();

    [Fact]
    public void Flushing_sends_what_has_ended()
    {
        var client = new FakeTempoClient(Take);
        using var provider = Provider(client, options => options.Tenant = "shop");

        _source.StartActivity("one")!.Dispose();
        _source.StartActivity("two")!.Dispose();

        Assert.True(provider.ForceFlush());
        Assert.Equal(["shop: one", "shop: two"], _sent);
        Assert.Contains(new KeyValuePair<string, object>("service.name", "checkout"), client.Resource!.Attributes);
    }

    [Fact]
    public void Shutting_down_sends_what_is_left()
    {
        using var provider = Provider(new FakeTempoClient(Take));

        _source.StartActivity("last")!.Dispose();

        Assert.True(provider.Shutdown());
        Assert.Equal([": last"], _sent);
    }

    [Fact]
    public void What_happens_while_it_sends_is_not_traced()
    {
        var traced = new List<Activity?>();
        using var provider = Provider(new FakeTempoClient(async (_, _, _) =>
        {
            traced.Add(_source.StartActivity("call"));
            await Task.Yield();
            traced.Add(_source.StartActivity("later in the call"));
            return IngestResult.Accepted;
        }));

        _source.StartActivity("one")!.Dispose();

        Assert.True(provider.ForceFlush());
        Assert.Equal(2, traced.Count);
        Assert.All(traced, static activity => Assert.True(activity is null or { Recorded: false }));
    }

    [Fact]
    public void Export_fails_where_the_client_does()
    {
        using var exporter = new OrleansTempoExporter(new FakeTempoClient((_, _, _) => throw new TempoUnavailableException("no silo")));

        Assert.Equal(ExportResult.Failure, Export(exporter));
    }

    [Fact]
    public void Partial_success_is_success()
    {
        using var exporter = new OrleansTempoExporter(new FakeTempoClient((_, _, _) => Task.FromResult(new IngestResult(1, "TRACE_TOO_LARGE"))));

        Assert.Equal(ExportResult.Success, Export(exporter));
    }

    [Fact]
    public void Export_ends_with_its_timeout()
    {
        var options = new OrleansTempoExporterOptions();
        options.BatchExportProcessorOptions.ExporterTimeoutMilliseconds = 1;
        using var exporter = new OrleansTempoExporter(new FakeTempoClient((_, _, _) => new TaskCompletionSource<IngestResult>().Task), options);

        Assert.Equal(ExportResult.Failure, Export(exporter));
    }

    [Fact]
    public async Task Export_ends_with_the_exporter()
    {
        var begun = new TaskCompletionSource();
        using var exporter = new OrleansTempoExporter(new FakeTempoClient((_, _, _) =>
        {
            begun.SetResult();
            return new TaskCompletionSource<IngestResult>().Task;
        }));
        var export = Task.Run(() => Export(exporter));
        await begun.Task;

        Assert.True(exporter.Shutdown());

        Assert.Equal(ExportResult.Failure, await export);
    }

    [Fact]
    public async Task Flushing_lasts_as_long_as_the_export_does()
    {
        var (begun, answer) = (new TaskCompletionSource(), new TaskCompletionSource<IngestResult>());
        using var provider = Provider(new FakeTempoClient((_, _, _) =>
        {
            begun.SetResult();
            return answer.Task;
        }));
        _source.StartActivity("one")!.Dispose();

        // Longer than the second after which OpenTelemetry's processor is content with an export that has begun.
        var flushed = provider.ForceFlush(1200);
        await begun.Task;
        answer.SetResult(IngestResult.Accepted);

        Assert.False(flushed);
        Assert.True(provider.ForceFlush());
    }

    [Fact]
    public void Batches_are_as_opentelemetrys_options_say()
    {
        BatchExportProcessorOptions<Activity>? batch = null;
        using var provider = Builder(new FakeTempoClient(Take))
            .ConfigureServices(services => services.Configure<BatchExportActivityProcessorOptions>(options => options.MaxExportBatchSize = 7))
            .AddOrleansTempoExporter(options => batch = options.BatchExportProcessorOptions)
            .Build();

        Assert.Equal(7, batch!.MaxExportBatchSize);
        Assert.Equal(2048, batch.MaxQueueSize);
    }

    private static ExportResult Export(OrleansTempoExporter exporter)
    {
        using var shop = new RecordedActivities();
        return exporter.Export(new Batch<Activity>([shop.Record("one")], 1));
    }

    private TracerProvider Provider(ITempoClient client, Action<OrleansTempoExporterOptions>? configure = null) =>
        Builder(client).AddOrleansTempoExporter(configure).Build();

    private TracerProviderBuilder Builder(ITempoClient client) => Sdk.CreateTracerProviderBuilder()
        .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService("checkout"))
        .AddSource(_source.Name)
        .ConfigureServices(services => services.AddSingleton(client));

    private Task<IngestResult> Take(IReadOnlyList<Activity> activities, string? tenant, CancellationToken cancellationToken)
    {
        _sent.AddRange(activities.Select(a => $"{tenant}: {a.DisplayName}"));
        return Task.FromResult(IngestResult.Accepted);
    }
}
