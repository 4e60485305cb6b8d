using OrleansTempo.Core.Ingester.Log;

namespace OrleansTempo.Core.Tests.Ingester.Log;

public class StoreContactTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly StoreContact _contact;

    public StoreContactTests() => _contact = new StoreContact(_time);

    [Fact]
    public void A_request_without_an_answer_is_trouble_after_two_seconds()
    {
        var request = _contact.Begin();
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Null(_contact.Trouble);
        _time.Advance(TimeSpan.FromSeconds(3.1));
        Assert.Equal(new WalTrouble("the object store has not answered for 5 s", TimeSpan.FromSeconds(5), StopsAppends: true), _contact.Trouble);

        _contact.NoteSuccess(request);
        Assert.Null(_contact.Trouble);
    }

    [Fact]
    public void A_large_put_has_a_second_more_for_every_4_MiB()
    {
        _contact.Begin(32 << 20);
        _time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Null(_contact.Trouble);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.NotNull(_contact.Trouble);
    }

    [Fact]
    public void A_failure_is_trouble_at_once_that_lasts_since_the_request_began_and_until_any_succeeds()
    {
        var first = _contact.Begin();
        _time.Advance(TimeSpan.FromSeconds(1));
        _contact.NoteFailure(first, "refused");
        Assert.Equal(new WalTrouble("refused", TimeSpan.FromSeconds(1), StopsAppends: true), _contact.Trouble);
        var second = _contact.Begin();
        _time.Advance(TimeSpan.FromSeconds(4));
        _contact.NoteFailure(second, "no such host");
        Assert.Equal(new WalTrouble("no such host", TimeSpan.FromSeconds(5), StopsAppends: true), _contact.Trouble);

        _contact.NoteSuccess(_contact.Begin());
        Assert.Null(_contact.Trouble);
    }

    [Fact]
    public void A_long_put_is_no_trouble_while_another_request_succeeds()
    {
        _contact.Begin();
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1.5));
            _contact.NoteSuccess(_contact.Begin());
            Assert.Null(_contact.Trouble);
        }

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(TimeSpan.FromSeconds(2), _contact.Trouble?.Lasts);
    }
}
