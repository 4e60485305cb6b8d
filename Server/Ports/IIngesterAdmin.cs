using OrleansTempo.Core;

namespace OrleansTempo.Server.Ports;

/// <summary>The operations of the ingester for operators: <c>/flush</c> and <c>/shutdown</c>.</summary>
public interface IIngesterAdmin
{
    /// <summary>Cuts the live traces of one tenant into blocks, or those of all tenants if null; false if the ingester does not know the tenant.</summary>
    Task<bool> FlushAsync(TenantId? tenant, CancellationToken cancellationToken);

    /// <summary>Stops accepting spans, and stores all it has.</summary>
    Task ShutdownAsync(CancellationToken cancellationToken);
}
