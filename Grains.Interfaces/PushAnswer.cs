using OrleansTempo.Core.Distributor;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>The result of one request.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.PushAnswer")]
public sealed record PushAnswer
{
    /// <summary>An answer that says <see cref="PushStatus.Accepted"/> and nothing else.</summary>
    public PushAnswer()
    {
    }

    internal PushAnswer(PushResult result)
    {
        Status = result.Status;
        RejectedSpans = result.RejectedSpans;
        Message = result.Message;
        RetryAfter = result.RetryAfter;
    }

    /// <summary>How it ended. Only <see cref="PushStatus.RateLimited"/> and <see cref="PushStatus.Unavailable"/> are worth sending again.</summary>
    [Id(0)]
    public PushStatus Status { get; init; }

    /// <summary>How many spans of an accepted request were refused; 0 where all were taken.</summary>
    [Id(1)]
    public int RejectedSpans { get; init; }

    /// <summary>Why spans, or the whole request, were refused, in a sentence; empty where there is nothing to say.</summary>
    [Id(2)]
    public string Message { get; init; } = "";

    /// <summary>How long to wait before sending the request again; null for no advice.</summary>
    [Id(3)]
    public TimeSpan? RetryAfter { get; init; }
}
