using System.Diagnostics;
using Google.Protobuf;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry.Trace;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Grains.Interfaces;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Client.Tests;

/// <summary>Applications, their Orleans clients and a silo: what crosses the wire, and how an application starts and stops.</summary>
public sealed class ThroughOrleansTests(SiloFixture silo) : IClassFixture<SiloFixture>
{
    [Fact]
    public async Task Bytes_arrive_as_they_were_sent_and_the_answer_comes_back()
    {
        var fake = FakeTempo.Of("bytes");
        fake.Answer = _ => Task.FromResult(new PushAnswer { Status = PushStatus.Accepted, RejectedSpans = 2, Message = "TRACE_TOO_LARGE" });
        using var host = await silo.StartAsync("bytes");

        var result = await host.Services.GetRequiredService<ITempoClient>().IngestAsync(new byte[] { 10, 0 });

        Assert.Equal([10, 0], Assert.Single(fake.Received));
        Assert.Equal(new IngestResult(2, "TRACE_TOO_LARGE"), result);
        await host.StopAsync();
    }

    [Fact]
    public async Task Trace_is_found_by_its_id()
    {
        var traces = new ExportTraceServiceRequest { ResourceSpans = { new ResourceSpans { ScopeSpans = { new ScopeSpans { Spans = { new Span { Name = "GET /items" } } } } } } };
        FakeTempo.Of("find").Traces["000000000000000000000000000000ab"] = new FoundTrace { Trace = traces.ToByteArray(), Problems = ["a block is gone"] };
        using var host = await silo.StartAsync("find");
        var tempo = host.Services.GetRequiredService<ITempoClient>();

        var trace = await tempo.GetTraceAsync("AB");

        Assert.NotNull(trace);
        Assert.Equal(traces, ExportTraceServiceRequest.Parser.ParseFrom(trace.Bytes.Span));
        Assert.Equal(["a block is gone"], trace.Problems);
        Assert.Contains("\"name\": \"GET /items\"", trace.ToJson());
        Assert.Equal(trace.Bytes, (await tempo.GetTraceAsync(ActivityTraceId.CreateFromString("000000000000000000000000000000ab")))!.Bytes);
        Assert.Null(await tempo.GetTraceAsync("AC"));
        Assert.Null(await tempo.GetTraceAsync("AB", tenant: "find-nothing"));
        await host.StopAsync();
    }

    [Fact]
    public async Task Last_spans_are_exported_before_the_application_stops()
    {
        var builder = silo.Application();
        builder.Services.AddOrleansTempoClient(options => options.Tenant = "last");
        // It would not export by itself before the test is over.
        builder.Services.Configure<BatchExportActivityProcessorOptions>(options => options.ScheduledDelayMilliseconds = int.MaxValue);
        builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource("last").AddOrleansTempoExporter());
        using var host = builder.Build();
        await host.StartAsync();

        using (var source = new ActivitySource("last"))
            source.StartActivity("the last one")!.Dispose();
        await host.StopAsync();

        Assert.Equal("the last one", Assert.Single(FakeTempo.Of("last").Spans).Name);
    }

    [Fact]
    public async Task Client_that_is_not_connected_says_so()
    {
        var builder = silo.Application();
        builder.Services.AddOrleansTempoClient(options => options.MaxRetries = 1);
        using var host = builder.Build();

        var error = await Assert.ThrowsAsync<TempoUnavailableException>(() => host.Services.GetRequiredService<ITempoClient>().IngestAsync(new byte[] { 10, 0 }));

        Assert.Contains("not connected", error.Message);
    }

    [Fact]
    public async Task Application_without_an_orleans_client_does_not_start_and_is_told_why()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOrleansTempoClient(options => options.Tenant = "a/b");
        using var host = builder.Build();

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());

        Assert.Equal(2, error.Failures.Count());
        Assert.Contains("UseOrleansClient()", error.Failures.First());
        Assert.Contains("'/'", error.Failures.Last());
    }

    [Fact]
    public void Exporter_without_a_client_says_what_is_missing()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddOrleansTempoExporter());
        using var host = builder.Build();

        var error = Assert.Throws<InvalidOperationException>(() => host.Services.GetRequiredService<TracerProvider>());

        Assert.Contains("AddOrleansTempoClient", error.Message);
    }
}
