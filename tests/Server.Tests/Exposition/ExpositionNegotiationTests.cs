using Microsoft.AspNetCore.Http;
using OrleansTempo.Server.Exposition;

namespace OrleansTempo.Server.Tests.Exposition;

public class ExpositionNegotiationTests
{
    [Theory]
    [InlineData("", false)]
    [InlineData("*/*", false)]
    [InlineData("text/html,*/*;q=0.8", false)]
    [InlineData("application/openmetrics-text", true)]
    [InlineData("application/openmetrics-text; version=1.0.0", true)]
    [InlineData("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5", false)]
    [InlineData("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.5", false)]
    [InlineData("application/openmetrics-text;q=0", false)]
    [InlineData("text/plain;q=0.5,application/openmetrics-text;q=0.5", true)]
    public void The_format_is_the_one_the_scraper_weights_highest(string accept, bool openMetrics)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Accept = accept;
        Assert.Equal(openMetrics, ExpositionNegotiation.Choose(context.Request) == ExpositionFormat.OpenMetrics);
    }
}
