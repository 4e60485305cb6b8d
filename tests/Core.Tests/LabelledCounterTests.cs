namespace OrleansTempo.Core.Tests;

public sealed class LabelledCounterTests
{
    private readonly TempoMetrics _metrics = new();

    [Fact]
    public void Counts_add_up_by_labels_and_are_there_when_somebody_asks()
    {
        _metrics.ReceiverAccepted.Add(new("otlp/otlp_receiver", "http"), 3);
        using var values = new MetricValues(_metrics);
        _metrics.ReceiverAccepted.Add(new("otlp/otlp_receiver", "http"), 4);
        _metrics.ReceiverAccepted.Add(new("otlp/otlp_receiver", "grpc"), 5);

        Assert.Equal((7, 5), (values["tempo_receiver_accepted_spans{otlp/otlp_receiver,http}"], values["tempo_receiver_accepted_spans{otlp/otlp_receiver,grpc}"]));
    }

    [Fact]
    public void Tenants_beyond_as_many_as_the_page_shows_count_together()
    {
        for (var i = 0; i < LabelledSeries<TenantId, string>.Max + 3; i++)
        {
            Assert.True(TenantId.TryParse($"t{i}", out var tenant, out _));
            _metrics.SpansReceived.Add(tenant, 2);
        }

        using var values = new MetricValues(_metrics);

        Assert.Equal((2 * LabelledSeries<TenantId, string>.Max, 6), (values["tempo_distributor_spans_received_total"], values["tempo_distributor_spans_received_total{True}"]));
    }
}
