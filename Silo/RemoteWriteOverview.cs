using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Silo;

/// <summary>The remote write queues of the metrics-generator grains in this silo, without those in other silos.</summary>
internal sealed class RemoteWriteOverview(RemoteWriteMetrics metrics) : IRemoteWriteOverview
{
    public IReadOnlyList<RemoteWriteStatus> Status() => metrics.Status();
}
