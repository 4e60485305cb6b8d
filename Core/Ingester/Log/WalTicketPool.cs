namespace OrleansTempo.Core.Ingester.Log;

/// <summary>A pool of tickets that are no longer awaited. Safe for concurrent use.</summary>
internal sealed class WalTicketPool
{
    private const int MaxKept = 4096;

    private readonly Lock _gate = new();
    private readonly Stack<WalTicket> _free = new();

    public WalTicket Rent()
    {
        lock (_gate)
        {
            if (_free.TryPop(out var ticket))
                return ticket;
        }

        return new WalTicket(this);
    }

    public void Return(WalTicket ticket)
    {
        lock (_gate)
        {
            if (_free.Count < MaxKept)
                _free.Push(ticket);
        }
    }
}
