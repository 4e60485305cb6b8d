using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Trace;
using Orleans.Runtime;

namespace OrleansTempo.Client;

/// <summary>
/// Exports the last spans of an application that stops while its Orleans client still works: OpenTelemetry does so only when the
/// host's services are disposed, after the client has left the cluster.
/// </summary>
/// <param name="services">Asked for the tracer provider only at the end: that one's exporter needs the client whose lifecycle this is.</param>
internal sealed class FlushBeforeDisconnect(IServiceProvider services) : ILifecycleParticipant<IClusterClientLifecycle>
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    public void Participate(IClusterClientLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(FlushBeforeDisconnect),
        ServiceLifecycleStage.Last,
        static _ => Task.CompletedTask,
        // Not on Orleans' thread, for flushing blocks.
        cancellation => Task.Run(() => services.GetService<TracerProvider>()?.ForceFlush((int)s_timeout.TotalMilliseconds), cancellation));
}
