using OrleansTempo.Core;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server.Receivers;

/// <summary>A receiver's way to the distributor, which counts what became of its spans: <c>tempo_receiver_accepted_spans</c> and <c>tempo_receiver_refused_spans</c>.</summary>
internal sealed class CountedPush : ITracePush
{
    private readonly ITracePush _push;
    private readonly TempoMetrics _metrics;
    private readonly MeasuredReceiver _receiver;

    /// <param name="push">The way itself.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="receiver">What receives, as in the configuration: <c>otlp</c>.</param>
    /// <param name="transport"><c>grpc</c> or <c>http</c>.</param>
    public CountedPush(ITracePush push, TempoMetrics metrics, string receiver, string transport)
    {
        _push = push;
        _metrics = metrics;

        // Tempo gives each of the Collector's receivers that it runs such a name.
        _receiver = new($"{receiver}/{receiver}_receiver", transport);
        _metrics.ReceiverAccepted.Add(_receiver, 0);
        _metrics.ReceiverRefused.Add(_receiver, 0);
    }

    public ValueTask<PushResult> PushAsync(TenantId tenant, RequestBuffer request, CancellationToken cancellationToken)
    {
        var push = _push.PushAsync(tenant, request, cancellationToken);
        if (!push.IsCompletedSuccessfully)
            return WaitAsync(push);
        Count(push.Result);
        return ValueTask.FromResult(push.Result);
    }

    private async ValueTask<PushResult> WaitAsync(ValueTask<PushResult> push)
    {
        var result = await push.ConfigureAwait(false);
        Count(result);
        return result;
    }

    private void Count(PushResult result)
    {
        var accepted = result.Status == PushStatus.Accepted ? result.Spans - result.RejectedSpans : 0;
        _metrics.ReceiverAccepted.Add(_receiver, accepted);
        if (result.Spans > accepted)
            _metrics.ReceiverRefused.Add(_receiver, result.Spans - accepted);
    }
}
