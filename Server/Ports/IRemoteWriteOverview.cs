using OrleansTempo.Core.RemoteWrite;

namespace OrleansTempo.Server.Ports;

/// <summary>What waits for remote write in this process, for <c>/status/remote-write</c>.</summary>
public interface IRemoteWriteOverview
{
    /// <summary>One entry per endpoint and tenant of whom something has come, at the moment it is asked.</summary>
    IReadOnlyList<RemoteWriteStatus> Status();
}
