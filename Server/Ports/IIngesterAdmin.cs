using OrleansTempo.Core;

namespace OrleansTempo.Server.Ports;

/// <summary>What an operator may ask of the ingester, for <c>/flush</c> and <c>/shutdown</c>.</summary>
public interface IIngesterAdmin
{
    /// <summary>Cuts the live traces of one tenant, or with null of all, into blocks; false where the ingester knows no such tenant.</summary>
    Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken);

    /// <summary>Takes no more spans, and stores all it has.</summary>
    Task ShutdownAsync(CancellationToken cancellationToken);
}
