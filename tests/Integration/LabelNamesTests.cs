using System.Net;
using Google.Protobuf;
using OrleansTempo.Tests.Otlp;

namespace OrleansTempo.Integration;

/// <summary>Names of dimensions and attributes that are no label names, against Prometheus' own parser and remote write receiver: one bad label would cost the whole page or request.</summary>
public sealed class LabelNamesTests(PrometheusFixture prometheus) : IClassFixture<PrometheusFixture>
{
    private static readonly string[] s_names = ["2xx", "9", "a.b", "-", "é", "__name__", "-_name__", "le", "a\"b", "a\nb", "a=b,c", "💥"];

    [PrometheusFact]
    public async Task Whatever_dimensions_and_attributes_are_called_Prometheus_takes_the_page_and_the_samples()
    {
        var dimensions = string.Join(", ", s_names.Select(static name => $"\"{name.Replace("\"", "\\\"").Replace("\n", "\\n")}\""));
        await using var silo = await SiloProcess.StartAsync(new()
        {
            Test = "label-names",
            RemoteWriteUrls = [prometheus.Process.RemoteWriteUrl],
            SpanMetrics = $"enable_target_info: true, dimensions: [{dimensions}], dimension_mappings: [{{name: 3rd, source_labels: [a.b]}}]",
            GeneratorOverrides = $"processor: {{service_graphs: {{dimensions: [{dimensions}], enable_client_server_prefix: true}}}}",
        });
        var request = ExportTraceServiceRequest.Parser.ParseFrom(GoldenBodies.Call("client", "server"));
        foreach (var resource in request.ResourceSpans)
            resource.Resource.Attributes.Add(s_names.Append("").Select(static (name, i) => new KeyValue { Key = name, Value = new AnyValue { StringValue = $"v{i}" } }));
        Assert.Equal(HttpStatusCode.OK, await silo.Sender.PostAsync(request.ToByteArray()));
        await silo.CollectAsync(2);

        var generated = await silo.GeneratedAsync();
        Assert.Contains(generated, static series => series.Key.StartsWith("traces_spanmetrics_calls_total{", StringComparison.Ordinal) && series.Key.Contains("_2xx=\"v0\"", StringComparison.Ordinal));
        await Eventually.GetAsync(
            () => silo.StoredAsync(prometheus.Process),
            stored => stored.DifferenceFrom(generated).Length == 0,
            stored => stored.DifferenceFrom(generated) + silo.Log);

        using var page = await silo.GetAsync("/generator/metrics");
        var (exitCode, output) = await PrometheusProcess.CheckMetricsAsync(await page.Content.ReadAsStringAsync());

        // 3 is for what it would call otherwise; a page that it cannot read is 1.
        Assert.True(exitCode is 0 or 3, output);
        Assert.DoesNotContain("error while linting", output);
    }
}
