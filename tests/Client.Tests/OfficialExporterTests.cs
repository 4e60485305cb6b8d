using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Client.Tests;

/// <summary>The same activities from OpenTelemetry's own OTLP exporter and from ours, decoded: they must be the same spans.</summary>
public sealed class OfficialExporterTests
{
    [Fact]
    public async Task Spans_are_what_opentelemetrys_exporter_sends()
    {
        using var source = new ActivitySource(nameof(OfficialExporterTests), "2.1", new Dictionary<string, object?> { ["team"] = "blue" });
        var exported = new List<Activity>();
        var resource = ResourceBuilder.CreateEmpty().AddService("checkout", serviceInstanceId: "1").AddAttributes([new("replicas", 3L), new("share", 0.5), new("zones", new[] { "a", "b" })]);
        await using var collector = new CollectingListener();

        using (var provider = Sdk.CreateTracerProviderBuilder()
            .SetResourceBuilder(resource)
            .AddSource(source.Name)
            .AddProcessor(new SimpleActivityExportProcessor(new KeepingExporter(exported)))
            .AddOtlpExporter(options =>
            {
                options.Protocol = OtlpExportProtocol.HttpProtobuf;
                options.Endpoint = collector.Endpoint;
            })
            .Build())
        {
            MakeActivities(source);
            Assert.True(provider.ForceFlush());
        }

        var theirs = ExportTraceServiceRequest.Parser.ParseFrom(await collector.Body);
        var ours = ExportTraceServiceRequest.Parser.ParseFrom(new ActivityEncoder(new ActivityLimits()).Encode(exported.ToArray(), resource.Build()));
        Assert.Equal(8, exported.Count);
        Assert.Equal(theirs.ResourceSpans[0].Resource, ours.ResourceSpans[0].Resource);
        var (theirScope, ourScope) = (Assert.Single(theirs.ResourceSpans[0].ScopeSpans), Assert.Single(ours.ResourceSpans[0].ScopeSpans));
        Assert.Equal(theirScope.Scope, ourScope.Scope);
        Assert.All(theirScope.Spans.Zip(ourScope.Spans), static pair => Assert.Equal(pair.First, pair.Second));
        Assert.Equal(theirs, ours);
    }

    private static void MakeActivities(ActivitySource source)
    {
        var remote = new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.Recorded, "vendor=1", isRemote: true);
        using (var server = source.StartActivity("GET /items", ActivityKind.Server, remote)!)
        {
            server.DisplayName = "GET /items/{id}";
            server.SetTag("text", "ü").SetTag("flag", true).SetTag("int", 1).SetTag("negative", -5L).SetTag("short", (short)3).SetTag("double", 0.25).SetTag("float", 1.5f);
            server.SetTag("texts", new[] { "a", "b" }).SetTag("ints", new[] { 1, 2 }).SetTag("flags", new[] { true, false }).SetTag("doubles", new[] { 1.5, 2.5 });
            server.SetTag("decimal", 1.5m).SetTag("uri", new Uri("http://example.org/")).SetTag("empty", "");
            server.AddEvent(new ActivityEvent("retry", tags: new ActivityTagsCollection { ["attempt"] = 2 }));
            server.AddException(new InvalidOperationException("no stock"));
            server.AddLink(new ActivityLink(remote, new ActivityTagsCollection { ["why"] = "batch" }));
            server.AddLink(new ActivityLink(new ActivityContext(ActivityTraceId.CreateRandom(), ActivitySpanId.CreateRandom(), ActivityTraceFlags.None)));

            source.StartActivity("child", ActivityKind.Client)!.SetStatus(ActivityStatusCode.Ok, "not sent").Dispose();
            source.StartActivity("producer", ActivityKind.Producer)!.SetStatus(ActivityStatusCode.Error, "broken").Dispose();
            source.StartActivity("consumer", ActivityKind.Consumer)!.Dispose();
            source.StartActivity("internal")!.SetTag("otel.status_code", "ERROR").SetTag("otel.status_description", "old style").Dispose();
            source.StartActivity("old ok")!.SetTag("otel.status_code", "OK").Dispose();
            source.StartActivity("both")!.SetStatus(ActivityStatusCode.Error).SetTag("otel.status_code", "OK").SetTag("otel.status_description", "tag").Dispose();
        }

        var many = source.StartActivity("many")!;
        for (var i = 0; i < 130; i++)
            many.SetTag($"tag {i}", i).AddEvent(new ActivityEvent($"event {i}"));
        many.Dispose();
    }

    private sealed class KeepingExporter(List<Activity> exported) : BaseExporter<Activity>
    {
        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (var activity in batch)
                exported.Add(activity);
            return ExportResult.Success;
        }
    }
}
