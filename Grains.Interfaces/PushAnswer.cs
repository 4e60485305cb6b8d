using OrleansTempo.Core.Distributor;

namespace OrleansTempo.Grains.Interfaces;

/// <summary>The result of one request, see <see cref="PushResult"/>.</summary>
[GenerateSerializer, Immutable, Alias("orleanstempo.PushAnswer")]
public sealed record PushAnswer
{
    public PushAnswer()
    {
    }

    public PushAnswer(PushResult result)
    {
        Status = result.Status;
        RejectedSpans = result.RejectedSpans;
        Message = result.Message;
        RetryAfter = result.RetryAfter;
    }

    [Id(0)]
    public PushStatus Status { get; init; }

    [Id(1)]
    public int RejectedSpans { get; init; }

    [Id(2)]
    public string Message { get; init; } = "";

    [Id(3)]
    public TimeSpan? RetryAfter { get; init; }

    public PushResult ToResult() => new() { Status = Status, RejectedSpans = RejectedSpans, Message = Message, RetryAfter = RetryAfter };
}
