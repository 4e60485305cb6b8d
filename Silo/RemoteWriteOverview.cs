using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Silo;

/// <summary>The remote write queues of the metrics-generator grains in this silo; of the others', their own silos speak.</summary>
internal sealed class RemoteWriteOverview(RemoteWriteMetrics metrics) : IRemoteWriteOverview
{
    public IReadOnlyList<RemoteWriteStatus> Status() => metrics.Status();
}
