using System.Text;

namespace OrleansTempo.Core.Tests;

public sealed class LabelledHistogramTests
{
    [Fact]
    public void Batches_add_up_and_are_written_as_Prometheus_reads_them()
    {
        var histogram = new LabelledHistogram<TenantId>("tempo_distance_seconds", "A distance.", LabelsOf, 0.5, 3600);
        histogram.Add(TenantId.Single, [1, 2, 0], 7.25);
        histogram.Add(TenantId.Single, [0, 1, 4], 20_000);

        Assert.Equal(
            """
            # TYPE tempo_distance_seconds histogram
            # HELP tempo_distance_seconds A distance.
            tempo_distance_seconds_bucket{tenant="single-tenant",le="0.5"} 1
            tempo_distance_seconds_bucket{tenant="single-tenant",le="3600"} 4
            tempo_distance_seconds_bucket{tenant="single-tenant",le="+Inf"} 8
            tempo_distance_seconds_sum{tenant="single-tenant"} 20007.25
            tempo_distance_seconds_count{tenant="single-tenant"} 8

            """.ReplaceLineEndings("\n"),
            Text(histogram));
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(300, 0)]
    [InlineData(300.1, 1)]
    [InlineData(1800, 1)]
    [InlineData(1e10, 2)]
    public void A_bound_is_in_its_bucket(double value, int bucket) =>
        Assert.Equal(bucket, new LabelledHistogram<TenantId>("name", "", LabelsOf, 300, 1800).BucketOf(value));

    [Fact]
    public void Series_beyond_as_many_as_the_page_shows_count_together()
    {
        var histogram = new LabelledHistogram<TenantId>("name", "", LabelsOf);
        for (var i = 0; i < LabelledSeries<TenantId, string>.Max + 3; i++)
            histogram.Add(Tenant(i), [1], 1);

        Assert.Contains("name_count{otel_metric_overflow=\"true\"} 3\n", Text(histogram));
    }

    [Fact]
    public void Single_measurements_add_up_with_batches()
    {
        var histogram = new LabelledHistogram<TenantId>("name", "", LabelsOf, 1);
        histogram.Add(TenantId.Single, [1, 0], 0.5);
        histogram.Record(TenantId.Single, 1);
        histogram.Record(TenantId.Single, 1.25);

        Assert.Contains("le=\"1\"} 2\n", Text(histogram));
        Assert.Contains("name_sum{tenant=\"single-tenant\"} 2.75\nname_count{tenant=\"single-tenant\"} 3\n", Text(histogram));
    }

    private static string LabelsOf(TenantId tenant) => $"tenant=\"{tenant}\"";

    private static TenantId Tenant(int i)
    {
        Assert.True(TenantId.TryParse($"t{i}", out var tenant, out _));
        return tenant;
    }

    private static string Text(LabelledHistogram<TenantId> histogram)
    {
        var text = new StringBuilder();
        histogram.WriteTo(text);
        return text.ToString();
    }
}
