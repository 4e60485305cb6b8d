namespace OrleansTempo.Core.Ingester.Log;

/// <summary>A record to be written. The appending thread computes its checksum, so that many do it in parallel.</summary>
internal readonly struct PendingWalRecord(TenantId tenant, ReadOnlyMemory<byte> request, WalTicket? ticket = null)
{
    public TenantId Tenant { get; } = tenant;

    public ReadOnlyMemory<byte> Request { get; } = request;

    public uint ContentCrc { get; private init; } = WalFormat.ContentCrc(tenant, request.Span);

    /// <summary>Null if the appending thread writes the record itself.</summary>
    public WalTicket? Ticket { get; private init; } = ticket;

    public int PrefixBytes => WalFormat.PrefixBytes(Tenant);

    /// <summary>All the bytes it takes in the log.</summary>
    public int Bytes => PrefixBytes + Request.Length;

    public PendingWalRecord With(WalTicket waiting) => this with { Ticket = waiting };

    public void WritePrefix(Span<byte> target, uint salt) => WalFormat.WritePrefix(target, salt, Tenant, Request.Length, ContentCrc);
}
