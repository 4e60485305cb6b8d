namespace OrleansTempo.Core.Ingester;

/// <summary>The spans of one batch that a limit kept out, whichever of the partitions said so.</summary>
public sealed class Refusals
{
    private readonly List<int> _spans = [];

    /// <summary>Their places in the batch, in no order.</summary>
    public IReadOnlyList<int> Spans => _spans;

    /// <summary>Those of traces that would have been one too many.</summary>
    public int LiveTracesExceeded { get; private set; }

    /// <summary>Those of traces that have all the bytes they may.</summary>
    public int TraceTooLarge { get; private set; }

    internal void AddLiveTracesExceeded(int span)
    {
        _spans.Add(span);
        LiveTracesExceeded++;
    }

    internal void AddTraceTooLarge(int span)
    {
        _spans.Add(span);
        TraceTooLarge++;
    }
}
