using FsCheck;
using FsCheck.Fluent;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class EscapedSegmentTests
{
    [Theory]
    [InlineData("generator/team-a/0", "generator%2fteam-a%2f0")]
    [InlineData("Größe", "%47r%c3%b6%c3%9fe")]
    [InlineData("..", "%2e%2e")]
    [InlineData("a%2f", "a%252f")]
    [InlineData("=", "%3d")]
    [InlineData("com1", "%63om1")]
    public void Every_byte_that_common_names_do_not_have_is_encoded(string text, string segment) => Assert.Equal(segment, EscapedSegment.Of(text));

    [Fact]
    public void Any_text_is_one_segment_and_no_other_text_the_same() => Prop.ForAll<NonEmptyString, NonEmptyString>(static (one, other) =>
        ObjectName.IsSegment(EscapedSegment.Of(one.Get))
            && (one.Get == other.Get || EscapedSegment.Of(one.Get) != EscapedSegment.Of(other.Get))).QuickCheckThrowOnFailure();
}
